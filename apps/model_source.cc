#include "apps/model_source.h"

#include "apps/console.h"
#include "base/error.h"
#include "hub/needed_files.h"

#include <fmt/format.h>

namespace bge::cli {

namespace {

std::string WithRevision(const ModelName& name) {
  return name.revision == "main" ? name.repo : fmt::format("{}@{}", name.repo, name.revision);
}

}  // namespace

std::string ModelDirectory(const std::string& path_or_name, const RunContext& context) {
  const ModelReference model = ParseModelReference(path_or_name);
  if (!model.name) return model.dir.string();
  const auto snapshot = FindModel(*model.name);
  if (snapshot && hub::IsOffline()) {
    if (!hub::HasNeededFiles(*snapshot)) {
      PrintWarning(fmt::format("{}: {} lacks some of its files, and HF_HUB_OFFLINE is set",
                               WithRevision(*model.name), Printable(snapshot->string(), 1000)));
    }
    return snapshot->string();
  }
  if (snapshot && hub::IsWholeSnapshot(*snapshot)) return snapshot->string();
  if (!hub::IsOffline()) {
    PrintNote(fmt::format("{} is not {}in the Hugging Face cache: downloading it from {}",
                          WithRevision(*model.name), snapshot ? "wholly " : "",
                          hub::ReadHubSettings().endpoint.Origin()));
  }
  try {
    return PullModel(*model.name, context).snapshot.string();
  } catch (const Error& error) {
    if (!snapshot || error.code() == ErrorCode::kCancelled) throw;
    PrintWarning(error.what());
  }
  return snapshot->string();  // what is there may do
}

hub::PullResult PullModel(const ModelName& name, const RunContext& context, bool verify) {
  DownloadProgress progress;
  hub::PullOptions options;
  options.stop = context.stop;
  options.verify = verify;
  options.progress = [&progress](std::string_view file, uint64_t done, uint64_t size) {
    progress.Update(file, done, size);
  };
  options.note = [&progress](std::string_view note) {
    progress.Clear();
    PrintNote(Printable(note, 1000));
  };
  hub::PullResult result = hub::Pull(name, options);
  progress.Clear();
  if (result.bytes > 0) {
    PrintNote(fmt::format("{}: {} files, {:.1f} MB downloaded", WithRevision(name),
                          WithSeparators(result.files), static_cast<double>(result.bytes) / 1e6));
  }
  return result;
}

}  // namespace bge::cli
