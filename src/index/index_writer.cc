// IndexWriter: streams rows into the files of a new segment, then replaces the manifest.
//
// A segment's files have names that no other segment had or will have, and the manifest is replaced
// by rename(2), last. So at every moment the directory holds a whole index, the old or the new one,
// whatever crashes; what a crash leaves is removed by the next writer.
#include "bge/index.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "index/id_set.h"
#include "index/manifest.h"
#include "index/write_lock.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

namespace bge {

namespace fs = std::filesystem;
using index::Manifest;
using index::Part;

static_assert(std::endian::native == std::endian::little, "index files are little-endian");

namespace {

std::string NewSegmentName() {
  constexpr char kHex[] = "0123456789abcdef";
  std::random_device random;
  std::string name = "segment-";
  for (int i = 0; i < 16; ++i) name += kHex[random() % 16];
  return name;
}

template <typename T>
std::string_view BytesOf(const T* data, size_t n) {
  return {reinterpret_cast<const char*>(data), n * sizeof(T)};
}

// One file of the segment, hashed while it is written.
class HashedFile {
 public:
  explicit HashedFile(fs::path path) : path_(std::move(path)), file_(path_) {}
  void Write(std::string_view bytes) {
    hash_.Update(std::as_bytes(std::span(bytes)));
    file_.Write(bytes);
  }
  index::FileRecord Commit() {
    const uint64_t bytes = file_.size();
    file_.Commit();
    return {bytes, hash_.Hex()};
  }
  uint64_t size() const { return file_.size(); }
  std::string ReadAt(uint64_t offset, size_t size) { return file_.ReadAt(offset, size); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  AtomicFile file_;
  Sha256 hash_;
};

// Throws kInvalidArgument unless `dir` is absent, empty or an index.
void CheckReplaceable(const fs::path& dir) {
  std::error_code error;
  const fs::file_status status = fs::status(dir, error);
  if (status.type() == fs::file_type::not_found) return;
  if (!fs::is_directory(status)) {
    Fail(ErrorCode::kInvalidArgument, "cannot write an index there",
         dir.string() + ": it is not a directory", "give the name of a directory");
  }
  fs::directory_iterator entries(dir, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    const bool manifest = name == index::kManifestName;
    if (!index::IsIndexFileName(name) ||
        (manifest &&
         !index::LooksLikeManifest(ReadFile(entries->path(), index::kMaxManifestBytes)))) {
      Fail(ErrorCode::kInvalidArgument, "cannot write an index there",
           dir.string() + ": it holds '" + name + "', which is not part of an index",
           "give another directory, or empty this one");
    }
  }
  if (error) {
    Fail(ErrorCode::kIo, "cannot read directory", dir.string() + ": " + error.message(),
         "check permissions and disk");
  }
}

// A directory that is removed again unless something stays in it.
class TargetDirectory {
 public:
  explicit TargetDirectory(fs::path path) : path_(std::move(path)) {
    CheckReplaceable(path_);
    std::error_code error;
    created_ = fs::create_directories(path_, error);
    if (error) {
      Fail(ErrorCode::kIo, "cannot create directory", path_.string() + ": " + error.message(),
           "check permissions and disk");
    }
  }
  ~TargetDirectory() {
    std::error_code ignored;
    if (created_) fs::remove(path_, ignored);  // of a directory: only where it is empty
  }
  TargetDirectory(const TargetDirectory&) = delete;
  TargetDirectory& operator=(const TargetDirectory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool created_ = false;
};

// JSON holds UTF-8 only: what does not come back as it was cannot be stored.
void CheckStorable(const Manifest& manifest) {
  Manifest sample = manifest;
  sample.segment.name = "segment-0000000000000000";
  sample.segment.files.fill({8, std::string(64, '0')});
  sample.segment.files[static_cast<size_t>(Part::kVectors)].bytes = 0;
  std::optional<Manifest> back;
  try {
    back = index::ParseManifest(index::FormatManifest(sample), std::string(index::kManifestName));
  } catch (const Error&) {  // the parser refuses broken UTF-8
  }
  if (!back || back->model != manifest.model || back->metadata != manifest.metadata) {
    Fail(ErrorCode::kInvalidArgument, "cannot store this in an index",
         "model or metadata: expected valid UTF-8", "rename the model's folder");
  }
}

}  // namespace

class IndexWriter::Impl {
 public:
  Impl(const fs::path& dir, Manifest manifest)
      : directory_(dir.has_filename() ? dir : dir.parent_path()),
        lock_(std::in_place, directory_.path() / index::kLockName),
        manifest_(std::move(manifest)),
        ids_([this](int64_t row) { return ReadId(row); }) {
    manifest_.segment.name = NewSegmentName();
    for (size_t i = 0; i < index::kNumParts; ++i) {
      files_[i].emplace(directory_.path() / manifest_.segment.FileName(static_cast<Part>(i)));
    }
    WriteOffsets();
  }

  ~Impl() {
    if (state_ == State::kFinished) return;
    // AtomicFile removes what it has not committed; this is for what it has.
    for (const auto& file : files_) {
      std::error_code ignored;
      if (file) fs::remove(file->path(), ignored);
    }
  }

  void Add(std::string_view id, std::string_view text, std::span<const float> vector) {
    RequireOpen();
    CheckRow(id, vector);
    state_ = State::kBroken;  // until everything is written
    File(Part::kVectors).Write(BytesOf(vector.data(), vector.size()));
    File(Part::kIds).Write(id);
    File(Part::kTexts).Write(text);
    WriteOffsets();
    ++manifest_.segment.count;
    state_ = State::kOpen;
  }

  void Finish() {
    RequireOpen();
    state_ = State::kBroken;
    for (size_t i = 0; i < index::kNumParts; ++i) manifest_.segment.files[i] = files_[i]->Commit();
    AtomicFile file(directory_.path() / index::kManifestName);
    file.Write(FormatManifest(manifest_));
    file.Commit();
    state_ = State::kFinished;
    RemoveOldFiles();
    lock_.reset();
  }

  int64_t count() const { return manifest_.segment.count; }

 private:
  enum class State { kOpen, kBroken, kFinished };

  HashedFile& File(Part part) { return *files_[static_cast<size_t>(part)]; }

  void RequireOpen() const {
    if (state_ == State::kOpen) return;
    Fail(ErrorCode::kInvalidArgument, "this index writer can no longer be used",
         directory_.path().string() +
             (state_ == State::kFinished ? ": it is finished" : ": an earlier write failed"),
         "make a new one");
  }

  void CheckRow(std::string_view id, std::span<const float> vector) {
    const std::string where = "row " + std::to_string(count()) + ", id '" + Printable(id, 80) + "'";
    if (static_cast<int64_t>(vector.size()) != manifest_.dimension) {
      Fail(ErrorCode::kInvalidArgument, "a vector has the wrong length",
           where + ": found " + std::to_string(vector.size()) + " values, expected " +
               std::to_string(manifest_.dimension),
           "give vectors of the index's dimension");
    }
    for (size_t i = 0; i < vector.size(); ++i) {
      if (std::isfinite(vector[i])) continue;
      Fail(ErrorCode::kInvalidArgument, "a vector is not finite",
           where + ": found " + std::to_string(vector[i]) + " at value " + std::to_string(i),
           "check the model's weights");
    }
    if (const std::optional<int64_t> earlier = ids_.Insert(id, count())) {
      Fail(ErrorCode::kInvalidArgument, "an id is there twice",
           where + ": found in row " + std::to_string(*earlier) + " too",
           "give every row an id of its own");
    }
  }

  void WriteOffsets() {
    const uint64_t id_end = File(Part::kIds).size();
    const uint64_t text_end = File(Part::kTexts).size();
    File(Part::kIdOffsets).Write(BytesOf(&id_end, 1));
    File(Part::kTextOffsets).Write(BytesOf(&text_end, 1));
  }

  std::string ReadId(int64_t row) {
    const std::string bytes =
        File(Part::kIdOffsets).ReadAt(static_cast<uint64_t>(row) * 8, 2 * sizeof(uint64_t));
    std::array<uint64_t, 2> offsets;
    std::memcpy(offsets.data(), bytes.data(), sizeof(offsets));
    return File(Part::kIds).ReadAt(offsets[0], offsets[1] - offsets[0]);
  }

  // Files of the index that this one replaced, and what writers that died have left.
  void RemoveOldFiles() const {
    std::error_code ignored;
    for (fs::directory_iterator entries(directory_.path(), ignored), end; entries != end;
         entries.increment(ignored)) {
      const std::string name = entries->path().filename().string();
      const bool ours = name.starts_with(manifest_.segment.name);
      if (ours || name == index::kManifestName || name == index::kLockName) continue;
      if (index::IsIndexFileName(name)) {
        std::error_code not_removed;
        fs::remove(entries->path(), not_removed);
      }
    }
  }

  TargetDirectory directory_;
  std::optional<index::WriteLock> lock_;
  Manifest manifest_;
  std::array<std::optional<HashedFile>, index::kNumParts> files_;
  index::IdSet ids_;
  State state_ = State::kOpen;
};

IndexWriter::IndexWriter(const fs::path& dir, int64_t dimension, std::string model,
                         std::map<std::string, std::string> metadata) {
  if (dimension < 1 || dimension > index::kMaxDimension) {
    Fail(ErrorCode::kInvalidArgument, "an index cannot have this dimension",
         "found " + std::to_string(dimension) + ", expected 1 to " +
             std::to_string(index::kMaxDimension),
         "give the length of the vectors");
  }
  Manifest manifest;
  manifest.dimension = dimension;
  manifest.model = std::move(model);
  manifest.metadata = std::move(metadata);
  CheckStorable(manifest);
  impl_ = std::make_unique<Impl>(dir, std::move(manifest));
}
IndexWriter::IndexWriter(IndexWriter&&) noexcept = default;
IndexWriter::~IndexWriter() = default;

void IndexWriter::Add(std::string_view id, std::string_view text, std::span<const float> vector) {
  impl_->Add(id, text, vector);
}
void IndexWriter::Finish() { impl_->Finish(); }
int64_t IndexWriter::count() const { return impl_->count(); }

}  // namespace bge
