#include "hub/pull.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stop.h"
#include "hub/blob.h"
#include "hub/hub_client.h"
#include "hub/needed_files.h"
#include "hub/snapshot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bge::hub {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMaxReadBytes = 64 << 20;
constexpr uint64_t kMaxTextBytes = 1 << 30;  // the largest tokenizers have some 30 MB

const std::string kModules = "modules.json";

// The largest models have some two hundred, most of them shards.
constexpr size_t kMostFiles = 2000;

bool HoldsWeights(std::string_view file) {
  return file.ends_with(".safetensors") || file.ends_with(".bin") || file.ends_with(".pt");
}

// One repository at one commit, on its way into the cache.
class RepoPull {
 public:
  RepoPull(HubClient* client, std::string repo, RepoListing listing, const PullOptions& options)
      : client_(client),
        repo_(std::move(repo)),
        listing_(std::move(listing)),
        folder_(RepoFolder(repo_, options.cache)),
        options_(options) {}

  PullResult Run(const std::string& revision, bool symlinks) {
    ModelTree tree;
    tree.name = repo_;
    tree.files = listing_.files;
    tree.fetch = [this](const std::vector<std::string>& files) {
      RequireFew(places_.size() + files.size());
      for (const std::string& file : files) Fetch(file);
    };
    tree.read = [this](const std::string& file) {
      return ReadFile(places_.at(file), kMaxReadBytes);
    };
    FetchNeededFiles(tree);
    CheckFolders();
    PullResult result;
    result.snapshot = WriteSnapshot(folder_, listing_.commit, blobs_, symlinks, options_.stop);
    if (!std::binary_search(listing_.files.begin(), listing_.files.end(), kModules)) {
      MarkAbsent(result.snapshot, kModules);
    }
    try {
      WriteRef(folder_, revision, listing_.commit);
    } catch (const Error& error) {
      // A cache of another user's, which has the commit under another name.
      if (received_ > 0) throw;
      if (options_.note) options_.note(error.what());
    }
    result.files = static_cast<int64_t>(places_.size());
    result.bytes = received_;
    result.damaged = damaged_;
    return result;
  }

 private:
  static bool IsRegularFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
  }

  void RequireFew(size_t files) const {
    if (files <= kMostFiles) return;
    Fail(ErrorCode::kCorruptData, "a model of too many files",
         fmt::format("{}: found {} or more, expected at most {}", repo_, files, kMostFiles),
         "this model cannot be used");
  }

  // Git has no such commits.
  void CheckFolders() const {
    for (const auto& [file, place] : places_) {
      for (size_t end = file.find('/'); end != std::string::npos; end = file.find('/', end + 1)) {
        const std::string folder = file.substr(0, end);
        if (!places_.contains(folder)) continue;
        Fail(ErrorCode::kCorruptData, "the hub lists a file as a folder too",
             fmt::format("{} of {}: found {} beside it", Printable(folder), repo_, Printable(file)),
             "check HF_ENDPOINT");
      }
    }
  }

  // Whether a file that is there has as many bytes as the hub lists, where it lists them.
  bool HasListedSize(const std::string& file, const fs::path& here) const {
    const auto listed = listing_.sizes.find(file);
    if (listed == listing_.sizes.end()) return true;
    std::error_code error;
    const uint64_t found = fs::file_size(here, error);
    if (error || found == listed->second) return !error;
    if (options_.note) {
      options_.note(
          fmt::format("{}: found {} bytes in the cache, expected {}: downloading it again", file,
                      found, listed->second));
    }
    return false;
  }

  void Fetch(const std::string& file) {
    ThrowIfStopped(&options_.stop);
    // Parity: a commit does not change, so what its snapshot has need not be asked for.
    const fs::path here = folder_ / "snapshots" / listing_.commit / file;
    const bool is_here = IsRegularFile(here);
    const bool fits = is_here && HasListedSize(file, here);
    if (fits && !options_.verify) {
      places_[file] = here;
      return;
    }
    const FileMetadata metadata = client_->Metadata(repo_, listing_.commit, file);
    if (metadata.size > kMaxTextBytes && !HoldsWeights(file)) {
      Fail(ErrorCode::kCorruptData, "a file that cannot be so large",
           fmt::format("{} of {}: found {} bytes, expected at most {}", Printable(file), repo_,
                       *metadata.size, kMaxTextBytes),
           "check HF_ENDPOINT");
    }
    const fs::path blob = folder_ / "blobs" / metadata.etag;
    if (options_.verify) {
      DropDamagedBlob(blob, metadata.etag);
      if (fits && IsRegularFile(here) && IsRight(here, blob, metadata.etag)) {
        places_[file] = here;
        return;
      }
      if (is_here) NoteDamage(file, fits);
    }
    BlobOptions options;
    options.stop = options_.stop;
    options.note = options_.note;
    if (options_.progress) {
      options.progress = [this, &file](uint64_t done, uint64_t size) {
        options_.progress(file, done, size);
      };
    }
    received_ += FetchBlob(client_, {repo_, listing_.commit, file, folder_}, metadata, options);
    if (is_here) Remove(here);  // a copy, or a link to another blob
    blobs_[file] = metadata.etag;
    places_[file] = blob;
  }

  // A link to the blob, which was right or is gone, or a copy.
  bool IsRight(const fs::path& here, const fs::path& blob, const std::string& etag) const {
    std::error_code ignored;
    return fs::equivalent(here, blob, ignored) || HashOfFile(here, etag, options_.stop) == etag;
  }

  // One of the right length is otherwise taken for what its name says.
  void DropDamagedBlob(const fs::path& blob, const std::string& etag) const {
    if (IsRegularFile(blob) && HashOfFile(blob, etag, options_.stop) != etag) Remove(blob);
  }

  // What is not what the hub has. Processes that have it mapped keep it.
  static void Remove(const fs::path& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return;
    Fail(ErrorCode::kIo, "a damaged file of the Hugging Face cache cannot be replaced",
         path.string() + ": " + std::strerror(errno),
         "make the cache writable, or choose another with HF_HUB_CACHE");
  }

  void NoteDamage(const std::string& file, bool of_right_length) {
    ++damaged_;
    if (!options_.note || !of_right_length) return;  // else it is said already
    options_.note(fmt::format("{}: not what the hub has: replacing it", file));
  }

  HubClient* client_;
  const std::string repo_;
  const RepoListing listing_;
  const fs::path folder_;
  const PullOptions& options_;
  SnapshotFiles blobs_;
  std::map<std::string, fs::path> places_;  // of all that is needed
  uint64_t received_ = 0;
  int64_t damaged_ = 0;
};

// Where a name without an organisation is none of the hub's own, it is sentence-transformers'.
std::pair<std::string, RepoListing> FindOnHub(HubClient* client, const ModelName& name) {
  try {
    return {name.repo, client->List(name.repo, name.revision)};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound || name.repo.find('/') != std::string::npos) throw;
  }
  const std::string other = "sentence-transformers/" + name.repo;
  return {other, client->List(other, name.revision)};
}

[[noreturn]] void FailOffline(const ModelName& name, const fs::path& cache) {
  Fail(
      ErrorCode::kNotFound, "model is not in the Hugging Face cache",
      fmt::format("{} (revision {}): no such model in {}, and HF_HUB_OFFLINE is set, so nothing is "
                  "downloaded",
                  name.repo, name.revision, cache.string()),
      "unset HF_HUB_OFFLINE, then " + HowToGet(name));
}

[[noreturn]] void FailPartOffline(const ModelName& name, const fs::path& snapshot) {
  Fail(ErrorCode::kNotFound, "model is not wholly in the Hugging Face cache",
       fmt::format("{} (revision {}): {} lacks some of its files, and HF_HUB_OFFLINE is set, so "
                   "nothing is downloaded",
                   name.repo, name.revision, snapshot.string()),
       "unset HF_HUB_OFFLINE, then " + HowToGet(name));
}

[[noreturn]] void FailVerifyOffline(const ModelName& name) {
  Fail(ErrorCode::kInvalidArgument, "a model cannot be compared with the hub's",
       fmt::format("{} (revision {}): HF_HUB_OFFLINE is set, so nothing is asked", name.repo,
                   name.revision),
       "unset HF_HUB_OFFLINE");
}

fs::path CacheOf(const PullOptions& options) {
  return options.cache.empty() ? HubCacheDir() : options.cache;
}

// What a hub answers may repeat what it was asked, in other letters too: a host has small ones and
// no "_". Where Printable() has shortened it, a part of the token may be left.
std::string WithoutToken(const std::string& text, const std::string& token) {
  constexpr std::string_view kShown = "***";
  constexpr std::string_view kCut = "...";
  constexpr size_t kLeastPart = 4;  // less of it says nothing: "hf_"
  if (token.empty()) return text;
  const auto same = [](char a, char b) {
    const auto plain = [](char c) {
      return c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    };
    return plain(a) == plain(b);
  };
  // The length of the token, or of its beginning, that `rest` begins with.
  const auto found = [&](std::string_view rest) -> size_t {
    const auto differs = std::mismatch(token.begin(), token.end(), rest.begin(), rest.end(), same);
    const auto length = static_cast<size_t>(differs.first - token.begin());
    const bool cut = length >= kLeastPart && rest.substr(length).starts_with(kCut);
    return length == token.size() || cut ? length : 0;
  };
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const size_t length = found(std::string_view(text).substr(at));
    if (length > 0) {
      shown += kShown;
    } else {
      shown += text[at];
    }
    at += std::max<size_t>(length, 1);
  }
  return shown;
}

PullResult PullAsked(const ModelName& name, const HubSettings& settings,
                     std::unique_ptr<HttpTransport> transport, const PullOptions& options) {
  HubClient client(settings, std::move(transport), options.stop, options.note);
  auto [repo, listing] = FindOnHub(&client, name);
  if (IsCommit(name.revision) && listing.commit != name.revision) {
    Fail(ErrorCode::kCorruptData, "the hub answers with another commit",
         fmt::format("{}: found {}, expected {}", repo, listing.commit, name.revision),
         "check HF_ENDPOINT");
  }
  PullOptions complete = options;
  complete.cache = CacheOf(options);
  return RepoPull(&client, repo, std::move(listing), complete)
      .Run(name.revision, settings.symlinks);
}

}  // namespace

PullResult Pull(const ModelName& name, const PullOptions& options) {
  const HubSettings settings = ReadHubSettings(options.token);
  if (settings.offline) {
    if (options.verify) FailVerifyOffline(name);
    const fs::path cache = CacheOf(options);
    const auto snapshot = FindModel(name, cache);
    if (!snapshot) FailOffline(name, cache);
    if (!HasNeededFiles(*snapshot)) FailPartOffline(name, *snapshot);
    return {.snapshot = *snapshot};
  }
  return Pull(name, settings, MakeHttpTransport(settings.timeouts, settings.ca_file), options);
}

PullResult Pull(const ModelName& name, const HubSettings& settings,
                std::unique_ptr<HttpTransport> transport, const PullOptions& options) {
  PullOptions guarded = options;
  if (options.note) {
    guarded.note = [&](std::string_view note) {
      options.note(WithoutToken(std::string(note), settings.token));
    };
  }
  try {
    return PullAsked(name, settings, std::move(transport), guarded);
  } catch (const Error& error) {
    throw Error(error.code(), WithoutToken(error.what(), settings.token));
  }
}

}  // namespace bge::hub

namespace bge {

std::filesystem::path ResolveOrPull(const std::string& path_or_name,
                                    const hub::PullOptions& options) {
  const std::filesystem::path cache = hub::CacheOf(options);
  if (hub::IsOffline()) return ResolveModel(path_or_name, cache);
  const ModelReference model = ParseModelReference(path_or_name);
  if (!model.name) return model.dir;
  const auto snapshot = FindModel(*model.name, cache);
  if (snapshot && hub::IsWholeSnapshot(*snapshot)) return *snapshot;
  try {
    return hub::Pull(*model.name, options).snapshot;
  } catch (const Error& error) {
    const bool of_caller = options.token && error.code() == ErrorCode::kInvalidArgument;
    if (!snapshot || of_caller || error.code() == ErrorCode::kCancelled) throw;
  }
  return *snapshot;  // what is there may do
}

std::filesystem::path ResolveModel(const std::string& path_or_name, bool download,
                                   std::stop_token stop) {
  if (!download) return ResolveModel(path_or_name);
  return ResolveOrPull(path_or_name, {.stop = std::move(stop)});
}

}  // namespace bge
