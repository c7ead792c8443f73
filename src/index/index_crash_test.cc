// Every change of an index, stopped at every operation that it does on the disk: by an error, by
// the end of the process, and by a power failure that forgets what was not synced. The index is
// then the one that the last commit left, or the one after it, whole; and the next writer works.
#include "bge/index.h"

#include "base/file_operations.h"
#include "index/manifest.h"
#include "index/test_index.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <random>
#include <set>

namespace bge::index {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDimension = 3;

enum class Fault {
  kIo,            // the operation fails, the ones after it do not
  kNoSpace,       // likewise
  kShortWrite,    // a write stops halfway, and goes on
  kDiskFull,      // a write stops halfway; from then on nothing can be written or created
  kKilled,        // nothing is done any more
  kKilledInside,  // likewise, after half of a write
  kPowerFailure,  // likewise; what was not synced is forgotten, or some of it
};
std::string NameOf(const testing::TestParamInfo<Fault>& fault) {
  constexpr const char* kNames[] = {"Io",     "NoSpace",      "ShortWrite",  "DiskFull",
                                    "Killed", "KilledInside", "PowerFailure"};
  return kNames[static_cast<size_t>(fault.param)];
}
constexpr int kPowerFailures = 3;  // at each operation: what is forgotten is chosen at random

// Counts operations, lets one fail, and keeps what a disk would have kept.
class FaultyDisk : public FileOperations {
 public:
  // In the place of `operations` while it lives.
  FaultyDisk(FileOperations* operations, fs::path dir, Fault fault, int64_t at)
      : before_(operations), dir_(std::move(dir)), fault_(fault), at_(at) {
    SyncNames();  // the state that it starts from has lasted
    for (const auto& [name, file] : names_) contents_[file] = ReadAll(dir_ / name);
    Use(this);
  }
  ~FaultyDisk() override { Use(before_); }

  int64_t operations() const { return operations_; }
  /// Another process, which works.
  void Revive() {
    stopped_ = false;
    at_ = -1;
  }

  int Open(const char* path, int flags, mode_t mode) override {
    if ((flags & O_CREAT) == 0) return Stops() ? -1 : FileOperations::Open(path, flags, mode);
    if (Stops(true)) return -1;
    const bool existed = fs::exists(path);
    const int fd = FileOperations::Open(path, flags, mode);
    struct stat info = {};
    if (fd >= 0 && !existed && ::fstat(fd, &info) == 0) ids_[info.st_ino] = next_id_++;
    return fd;
  }
  ssize_t PWrite(int fd, const void* data, size_t size, off_t offset) override {
    const bool now = operations_ == at_;
    if (now && size > 1 &&
        (fault_ == Fault::kShortWrite || fault_ == Fault::kDiskFull ||
         fault_ == Fault::kKilledInside)) {
      ++operations_;
      stopped_ = fault_ != Fault::kShortWrite;
      const ssize_t n = FileOperations::PWrite(fd, data, size / 2, offset);
      if (fault_ != Fault::kKilledInside) return n;
      errno = EIO;
      return -1;
    }
    if (Stops(true)) return -1;
    return FileOperations::PWrite(fd, data, size, offset);
  }
  int FSync(int fd) override {
    if (Stops()) return -1;
    struct stat info = {};
    if (::fstat(fd, &info) != 0) return -1;
    if (S_ISDIR(info.st_mode)) {
      struct stat ours = {};
      if (::stat(dir_.c_str(), &ours) == 0 && ours.st_ino == info.st_ino) SyncNames();
      return 0;
    }
    contents_[ids_.at(info.st_ino)] = ReadAll("/proc/self/fd/" + std::to_string(fd));
    return 0;
  }
  int Rename(const char* from, const char* to) override {
    return Stops(true) ? -1 : FileOperations::Rename(from, to);
  }
  int Unlink(const char* path) override { return Stops() ? -1 : FileOperations::Unlink(path); }
  int MkDir(const char* path, mode_t mode) override {
    return Stops(true) ? -1 : FileOperations::MkDir(path, mode);
  }
  int RmDir(const char* path) override { return Stops() ? -1 : FileOperations::RmDir(path); }

  // Puts on the disk what a power failure leaves. Of each name that was changed and not synced, and
  // of each file, either state may have been reached.
  void LosePower(std::minstd_rand& random) {
    const std::map<std::string, int> before = names_;
    std::map<int, std::string> written;
    for (const auto& [name, file] : CurrentNames()) written[file] = ReadAll(dir_ / name);
    std::map<std::string, int> after;
    std::set<std::string> all;
    const std::map<std::string, int> current = CurrentNames();
    for (const auto* names : {&before, &current}) {
      for (const auto& [name, file] : *names) all.insert(name);
    }
    const auto kind = random() % 3;  // nothing, everything, or some
    for (const std::string& name : all) {
      const bool newest = kind == 1 || (kind == 2 && random() % 2 == 0);
      const auto& from = newest ? current : before;
      const auto found = from.find(name);
      if (found != from.end()) after.insert(*found);
    }
    for (const auto& entry : fs::directory_iterator(dir_)) fs::remove(entry.path());
    for (const auto& [name, file] : after) {
      const auto synced = contents_.find(file);
      std::string bytes = synced != contents_.end() ? synced->second : written[file];
      if (synced == contents_.end() && random() % 2 == 0)
        bytes.resize(random() % (bytes.size() + 1));
      WriteAll(dir_ / name, bytes);
    }
  }

 private:
  // Counts an operation. Whether it fails, with errno. `writes`: it needs room on the disk.
  bool Stops(bool writes = false) {
    const bool now = operations_++ == at_;
    const bool killed = fault_ >= Fault::kKilled;
    if (now && killed) stopped_ = true;
    if (now && writes && fault_ == Fault::kDiskFull) stopped_ = true;
    errno = fault_ == Fault::kNoSpace || fault_ == Fault::kDiskFull ? ENOSPC : EIO;
    if (stopped_) return killed || writes;
    return now && (fault_ == Fault::kIo || (fault_ == Fault::kNoSpace && writes));
  }

  std::map<std::string, int> CurrentNames() {
    std::map<std::string, int> names;
    for (const auto& entry : fs::directory_iterator(dir_)) {
      struct stat info = {};
      if (::stat(entry.path().c_str(), &info) != 0) continue;
      const auto [file, is_new] = ids_.try_emplace(info.st_ino, next_id_);
      next_id_ += is_new;
      names[entry.path().filename()] = file->second;
    }
    return names;
  }
  void SyncNames() { names_ = CurrentNames(); }

  FileOperations* const before_;
  const fs::path dir_;
  const Fault fault_;
  int64_t at_;
  int64_t operations_ = 0;
  bool stopped_ = false;
  std::map<ino_t, int> ids_;             // of the files that are there now
  int next_id_ = 0;                      // inodes are used again, these are not
  std::map<int, std::string> contents_;  // as they were synced
  std::map<std::string, int> names_;     // likewise
};

std::vector<float> VectorOf(const std::string& text) {
  return RandomVectors(1, kDimension, static_cast<uint32_t>(std::hash<std::string>()(text)));
}

using Rows = std::map<std::string, std::string>;  // texts by id

class IndexDiskTest : public IndexTest {
 protected:
  IndexDiskTest() : dir_(folder_ / "i") {}

  static void Add(IndexEditor& editor, const std::string& id, const std::string& text) {
    editor.Replace(id, text, VectorOf(text));
  }

  void Build(const Rows& rows) {
    IndexWriter writer(dir_, kDimension, "model");
    for (const auto& [id, text] : rows) writer.Add(id, text, VectorOf(text));
    writer.Finish();
  }

  Rows ReadRows() {
    const Index index = Index::Open(dir_);
    index.Verify();
    Rows rows;
    for (int64_t row = 0; row < index.info().count; ++row) {
      rows[std::string(index.id(row))] = index.text(row);
    }
    return rows;
  }

  // Does the work of one writer: states[n] is what n commits leave; *commits counts them.
  void Change(int* commits) {
    IndexEditor editor(dir_);
    Add(editor, "d", "new");
    Add(editor, "e", "new");
    editor.Delete("a");
    editor.Commit();  // a second segment, and deleted rows of the first
    ++*commits;
    Add(editor, "e", "newer");
    for (const char* id : {"f", "g", "h"}) Add(editor, id, "third");
    editor.Commit();  // and a merge of all
    ++*commits;
    editor.Delete("f");
    Add(editor, "i", "fourth");
    editor.Compact();
    ++*commits;
  }
  const Rows first_ = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  const std::vector<Rows> states_ = {
      first_,
      {{"b", "2"}, {"c", "3"}, {"d", "new"}, {"e", "new"}},
      {{"b", "2"},
       {"c", "3"},
       {"d", "new"},
       {"e", "newer"},
       {"f", "third"},
       {"g", "third"},
       {"h", "third"}},
      {{"b", "2"},
       {"c", "3"},
       {"d", "new"},
       {"e", "newer"},
       {"g", "third"},
       {"h", "third"},
       {"i", "fourth"}},
  };

  // The next writer changes what is there, and leaves nothing that is not needed.
  void ExpectUsable(Rows rows) {
    {
      IndexEditor editor(dir_);
      Add(editor, "next", "next");
      if (rows.contains("c")) {
        ASSERT_TRUE(editor.Delete("c"));
      }
      editor.Commit();
    }
    rows["next"] = "next";
    rows.erase("c");
    ASSERT_EQ(ReadRows(), rows);
    const IndexInfo info = Index::Open(dir_).info();
    size_t files = 1;
    for (const IndexSegment& segment : info.segments) files += segment.deleted > 0 ? 6 : 5;
    ASSERT_EQ(static_cast<size_t>(std::distance(fs::directory_iterator(dir_), {})), files);
  }

  WithoutSync without_sync_;
  fs::path dir_;
};

class IndexCrashTest : public IndexDiskTest, public testing::WithParamInterface<Fault> {};

TEST_P(IndexCrashTest, AnEditorStoppedAnywhereLeavesACommit) {
  int64_t operations = 0;
  {
    Build(first_);
    FaultyDisk disk(&without_sync_, dir_, Fault::kIo, -1);
    int commits = 0;
    Change(&commits);
    operations = disk.operations();
  }
  ASSERT_EQ(ReadRows(), states_[3]);
  ASSERT_GT(operations, 60);
  std::minstd_rand random(11);
  const Fault fault = GetParam();
  for (int64_t at = 0; at < operations; ++at) {
    for (int repeat = 0; repeat < (fault == Fault::kPowerFailure ? kPowerFailures : 1); ++repeat) {
      SCOPED_TRACE("at operation " + std::to_string(at));
      fs::remove_all(dir_);
      Build(first_);
      int commits = 0;
      {
        FaultyDisk disk(&without_sync_, dir_, fault, at);
        ErrorOf([&] { Change(&commits); });
        if (fault == Fault::kPowerFailure) disk.LosePower(random);
      }
      const Rows found = ReadRows();
      const auto done = static_cast<size_t>(commits);
      ASSERT_TRUE(found == states_[done] || (commits < 3 && found == states_[done + 1]))
          << "after " << commits << " commits";
      ExpectUsable(found);
      if (HasFatalFailure()) return;
    }
  }
}

// What a killed writer had renamed and not synced is seen by the next, which removes the files that
// it does not name; and then the power fails.
TEST_F(IndexDiskTest, APowerFailureAfterAKilledWritersSuccessorLeavesACommit) {
  std::minstd_rand random(13);
  bool stopped = true;
  for (int64_t at = 0; stopped; ++at) {
    for (int repeat = 0; repeat < kPowerFailures; ++repeat) {
      SCOPED_TRACE("at operation " + std::to_string(at));
      fs::remove_all(dir_);
      Build(first_);
      int commits = 0;
      {
        FaultyDisk disk(&without_sync_, dir_, Fault::kKilled, at);
        ErrorOf([&] { Change(&commits); });
        stopped = disk.operations() > at;
        disk.Revive();
        { IndexEditor successor(dir_); }
        disk.LosePower(random);
      }
      const Rows found = ReadRows();
      const auto done = static_cast<size_t>(commits);
      ASSERT_TRUE(found == states_[done] || (commits < 3 && found == states_[done + 1]));
      ExpectUsable(found);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(IndexCrashTest, ARebuildStoppedAnywhereLeavesTheOldIndexOrTheNewOne) {
  const Rows second = {{"x", "10"}, {"y", "11"}};
  int64_t operations = 0;
  {
    Build(first_);
    FaultyDisk disk(&without_sync_, dir_, Fault::kIo, -1);
    Build(second);
    operations = disk.operations();
  }
  std::minstd_rand random(12);
  const Fault fault = GetParam();
  for (int64_t at = 0; at < operations; ++at) {
    for (int repeat = 0; repeat < (fault == Fault::kPowerFailure ? kPowerFailures : 1); ++repeat) {
      SCOPED_TRACE("at operation " + std::to_string(at));
      fs::remove_all(dir_);
      Build(first_);
      bool done = false;
      {
        FaultyDisk disk(&without_sync_, dir_, fault, at);
        ErrorOf([&] {
          Build(second);
          done = true;
        });
        if (fault == Fault::kPowerFailure) disk.LosePower(random);
      }
      const Rows found = ReadRows();
      ASSERT_TRUE(found == second || (!done && found == first_)) << done;
      ExpectUsable(found);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(IndexCrashTest, ABuildStoppedAnywhereCanBeDoneAgain) {
  dir_ = folder_ / "outer" / "i";
  int64_t operations = 0;
  {
    FaultyDisk disk(&without_sync_, folder_, Fault::kIo, -1);
    Build(first_);
    operations = disk.operations();
  }
  const Fault fault = GetParam();
  for (int64_t at = 0; at < operations; ++at) {
    SCOPED_TRACE("at operation " + std::to_string(at));
    fs::remove_all(folder_ / "outer");
    bool done = false;
    {
      FaultyDisk disk(&without_sync_, folder_, fault, at);
      ErrorOf([&] {
        Build(first_);
        done = true;
      });
    }
    if (done || fs::exists(dir_ / kManifestName)) {
      ASSERT_EQ(ReadRows(), first_);
    } else if (fault < Fault::kKilled && fault != Fault::kDiskFull) {
      // What failed once and could clean up has left nothing, but for what could not be removed.
      size_t left = 0;
      if (fs::exists(dir_)) {
        left = static_cast<size_t>(std::distance(fs::directory_iterator(dir_), {}));
      }
      ASSERT_LE(left, 1u);
    }
    Build(first_);
    ASSERT_EQ(ReadRows(), first_);
    ExpectUsable(first_);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, IndexCrashTest,
                         testing::Values(Fault::kIo, Fault::kNoSpace, Fault::kShortWrite,
                                         Fault::kDiskFull, Fault::kKilled, Fault::kKilledInside,
                                         Fault::kPowerFailure),
                         NameOf);

}  // namespace
}  // namespace bge::index
