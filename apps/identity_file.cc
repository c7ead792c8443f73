#include "apps/identity_file.h"

#include "bge/identity.h"
#include "bge/version.h"

#include "apps/console.h"
#include "apps/explain.h"
#include "apps/json_object.h"
#include "apps/output_stream.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <system_error>

namespace bge::cli {
namespace {

constexpr uint64_t kMaxBytes = 1 << 20;

std::filesystem::path NameFor(const std::filesystem::path& output) {
  std::filesystem::path path = output;
  path += ".bge.json";
  return path;
}

// What decides vectors; the model and the type have members of their own.
std::map<std::string, std::string> SettingsOf(const Embedder& embedder,
                                              const EmbeddingFlags& flags) {
  std::map<std::string, std::string> settings;
  for (const Setting& setting : ExplainEncoding(embedder, flags, flags)) {
    if (setting.name == "model" || setting.name == "computed in" || setting.name == "threads")
      continue;
    settings[setting.name] = setting.value;
  }
  return settings;
}

// 0 where it is not there.
uint64_t SizeOf(const std::filesystem::path& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

IdentityFile::IdentityFile(const std::string& output) {
  if (output.empty() || output == "-" || DescriptorOf(output)) return;
  output_ = FollowLinks(output);
  std::error_code error;
  const auto status = std::filesystem::status(output_, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return;
  path_ = NameFor(output_);
}

void IdentityFile::Remove() const {
  if (path_.empty()) return;
  std::error_code error;
  std::filesystem::remove(path_, error);
  if (error) {
    Fail(ErrorCode::kIo, fmt::format("cannot remove: {}", error.message()), path_.string(),
         "check the permissions of the folder, or give --output another name");
  }
}

void IdentityFile::Write(const Embedder& embedder, const EmbeddingFlags& flags) const {
  if (path_.empty()) return;
  const ModelIdentity identity = *IdentifyModel(embedder.info());
  std::string text;
  JsonObject object(&text);
  object.Text("bge", Version());
  object.Text("model", embedder.info().name);
  const auto snapshot = NameOfSnapshot(embedder.info().path);
  if (snapshot) object.Text("commit", snapshot->revision);
  object.Text("fingerprint", identity.fingerprint);
  object.Text("space", identity.space);
  object.Text("type", ComputeTypeName(embedder.info().compute_type));
  object.Number("bytes", static_cast<int64_t>(SizeOf(output_)));
  object.Map("settings", SettingsOf(embedder, flags));
  object.End();
  text += '\n';
  AtomicFile file(path_);
  file.Write(text);
  file.Commit();
}

std::map<std::string, std::string> IdentityMetadata(const Embedder& embedder,
                                                    const EmbeddingFlags& flags) {
  const ModelIdentity identity = *IdentifyModel(embedder.info());
  std::string settings;
  JsonObject object(&settings);
  for (const auto& [name, value] : SettingsOf(embedder, flags)) object.Text(name, value);
  object.End();
  std::map<std::string, std::string> metadata = {
      {"model", embedder.info().name},
      {"fingerprint", identity.fingerprint},
      {"space", identity.space},
      {"type", std::string(ComputeTypeName(embedder.info().compute_type))},
      {"settings", settings}};
  const auto snapshot = NameOfSnapshot(embedder.info().path);
  if (snapshot) metadata["commit"] = snapshot->revision;
  return metadata;
}

void WarnOfOtherSpace(const std::string& vectors, const Embedder& embedder) {
  const std::filesystem::path output = FollowLinks(vectors);
  const std::string path = NameFor(output).string();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const auto document = json::Document::Load(path, kMaxBytes);
  const json::Value root = document->root();
  const std::string space(root.At("space").AsString());
  // Vectors that another program has put there since.
  if (root.At("bytes").AsInt() != static_cast<int64_t>(SizeOf(output))) return;
  const auto identity = IdentifyModel(embedder.info());
  if (identity->space == space) return;
  PrintWarning(
      fmt::format("vectors of another space: {}: they are of {} (space {:.12}...), compared with "
                  "{} ({:.12}...)",
                  Printable(path, 1000), Printable(root.At("model").AsString(), 200),
                  Printable(space, 64), embedder.info().name, identity->space));
}

}  // namespace bge::cli
