// See index_directory.h.
//
// A segment's files have names that no other segment had or will have, and the manifest is replaced
// by rename(2), last. So at every moment the directory holds a whole index, the old or the new one,
// whatever crashes; what a crash leaves is removed by the next writer.
#include "index/index_directory.h"

#include "base/error.h"
#include "base/file.h"
#include "base/file_operations.h"
#include "base/unfinished.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace bge::index {

namespace fs = std::filesystem;

namespace {

// A manifest that no reader takes must not replace one that they do.
void CheckReadable(const std::string& text, const fs::path& dir) {
  std::string problem;
  if (text.size() > kMaxManifestBytes) {
    problem = std::string(kManifestName) + ": found " + std::to_string(text.size()) +
              " bytes, expected at most " + std::to_string(kMaxManifestBytes);
  } else {
    try {
      ParseManifest(text, std::string(kManifestName));
      return;
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  Fail(ErrorCode::kInvalidArgument,
       "the index would be one that cannot be read, and stays as it was",
       dir.string() + ": " + problem, "compact it, or build it again with less in it");
}

// Throws kInvalidArgument unless `dir` is absent, empty or an index.
void CheckReplaceable(const fs::path& dir) {
  if (dir.empty()) {
    Fail(ErrorCode::kInvalidArgument, "cannot write an index there", "found an empty name",
         "give the name of a directory");
  }
  std::error_code error;
  const fs::file_status status = fs::status(dir, error);
  if (status.type() == fs::file_type::not_found) return;
  if (!fs::is_directory(status)) {
    Fail(ErrorCode::kInvalidArgument, "cannot write an index there",
         dir.string() + ": it is not a directory", "give the name of a directory");
  }
  // A damaged manifest beside segments was an index; alone it may be anybody's.
  bool has_segments = false;
  fs::directory_iterator entries(dir, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    has_segments |= IsSegmentFileName(entries->path().filename().string());
  }
  entries = fs::directory_iterator(dir, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    const bool manifest = name == kManifestName;
    if (!IsIndexFileName(name) ||
        (manifest &&
         !LooksLikeManifest(ReadFile(entries->path(), kMaxManifestBytes, Links::kRefused)) &&
         !has_segments)) {
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

}  // namespace

std::string ReadManifest(const fs::path& dir) {
  try {
    return ReadFile(dir / kManifestName, kMaxManifestBytes, Links::kRefused);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kNotFound) throw;
    Fail(ErrorCode::kNotFound, "there is no index",
         dir.string() + ": found no file " + std::string(kManifestName),
         "check the path, or build an index there");
  }
}

IndexDirectory::Created::~Created() {
  if (!owner.IsThisOne()) return;
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    FileOperations::Current().RmDir(path->c_str());  // only where it is empty
  }
}

void IndexDirectory::RequireOwner() const {
  if (owner_.IsThisOne()) return;
  Fail(ErrorCode::kInvalidArgument,
       "the index is being written by the process that this one was "
       "forked from",
       path_.string(), "write it there, or open it here when that is done");
}

IndexDirectory::IndexDirectory(const fs::path& dir)
    : path_(dir.has_filename() || !dir.has_parent_path() ? dir : dir.parent_path()) {}

IndexDirectory IndexDirectory::ForNewIndex(const fs::path& dir) {
  IndexDirectory directory(dir);
  CheckReplaceable(directory.path_);
  directory.Create();
  directory.Lock();
  // Makes room. An index that cannot be read may be of use to somebody until there is a new one.
  std::optional<Manifest> manifest;
  try {
    manifest = ParseManifest(ReadManifest(directory.path_), std::string(kManifestName));
  } catch (const Error&) {  // and most often there is none
  }
  if (manifest) directory.RemoveLeftovers(*manifest);
  return directory;
}

IndexDirectory IndexDirectory::ForChanges(const fs::path& dir) {
  IndexDirectory directory(dir);
  ReadManifest(directory.path_);  // before a lock is put into a folder that is none
  directory.Lock();
  return directory;
}

void IndexDirectory::Create() {
  std::vector<fs::path> absent;
  std::error_code error;
  for (fs::path path = path_; !path.empty() && !fs::exists(path, error);
       path = path.parent_path()) {
    absent.push_back(path);
  }
  for (auto path = absent.rbegin(); path != absent.rend(); ++path) {
    if (FileOperations::Current().MkDir(path->c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;  // somebody else's now
      Fail(ErrorCode::kIo, "cannot create directory", path->string() + ": " + std::strerror(errno),
           "check permissions and disk");
    }
    created_.paths.push_back(*path);
    SyncFolder(path->parent_path());
  }
}

void IndexDirectory::Lock() { lock_ = std::make_unique<WriteLock>(path_ / kLockName); }

void IndexDirectory::Replace(const Manifest& manifest, PlacedFiles* files) {
  const std::string text = FormatManifest(manifest);
  CheckReadable(text, path_);
  SyncFolder(path_);  // the names of the files last before a manifest has them
  try {
    AtomicFile file(path_ / kManifestName);
    file.Write(text);
    file.Commit();
  } catch (...) {
    // After the rename the new index is the one that readers get, and it may or may not last.
    bool replaced = true;
    try {
      replaced = ReadManifest(path_) == text;
    } catch (const Error& error) {
      replaced = error.code() != ErrorCode::kNotFound;
    }
    if (replaced) files->Keep();
    throw;
  }
  files->Keep();
  created_.paths.clear();
  RemoveFilesNotOf(manifest);
}

void IndexDirectory::RemoveLeftovers(const Manifest& manifest) {
  // A writer may have died between its rename and its sync: the manifest that is seen here must not
  // give way to its predecessor once the predecessor's files are gone.
  SyncFolder(path_);
  RemoveFilesNotOf(manifest);
}

void IndexDirectory::RemoveFilesNotOf(const Manifest& manifest) const {
  std::set<std::string> named = {std::string(kManifestName), std::string(kLockName)};
  for (const Segment& segment : manifest.segments) {
    for (size_t i = 0; i < kNumParts; ++i) named.insert(segment.FileName(static_cast<Part>(i)));
    if (segment.deleted) named.insert(segment.DeletedFileName());
  }
  std::vector<fs::path> unnamed;
  std::error_code ignored;
  for (fs::directory_iterator entries(path_, ignored), end; !ignored && entries != end;
       entries.increment(ignored)) {
    const std::string name = entries->path().filename().string();
    if (IsIndexFileName(name) && !named.contains(name)) unnamed.push_back(entries->path());
  }
  for (const fs::path& file : unnamed) FileOperations::Current().Unlink(file.c_str());
}

}  // namespace bge::index
