#include "encoder/packed_cache.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/numeric.h"
#include "base/unfinished.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace bge {

namespace {

constexpr std::string_view kMagic = "BGEPACK1";
constexpr size_t kFingerprintBytes = 64;
constexpr uint64_t kMostLayers = 1 << 20;
constexpr uint64_t kAlignment = 4096;  // of each layer: a page, and more than any kernel wants
constexpr size_t kSampleBytes = 256;   // of each tensor, read from its middle

std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void AddText(Sha256* hash, std::string_view text) {
  hash->Update(BytesOf(std::to_string(text.size()) + ":"));
  hash->Update(BytesOf(text));
}

// Of the weights: their files' states, and each tensor's name, shape and a sample of its bytes.
std::string Fingerprint(const WeightSource& weights, std::string_view layout) {
  Sha256 hash;
  AddText(&hash, layout);
  AddText(&hash, weights.Variant());
  for (const std::string& name : weights.Names()) {
    AddText(&hash, name);
    const auto stored = weights.FindStored(name);
    if (!stored) continue;
    AddText(&hash, stored->dtype);
    for (const int64_t dim : stored->dims) AddText(&hash, std::to_string(dim));
    const size_t size = std::min(kSampleBytes, stored->bytes.size());
    hash.Update(stored->bytes.subspan((stored->bytes.size() - size) / 2, size));
  }
  for (const std::string& state : weights.FileStates()) AddText(&hash, state);
  return hash.Hex();
}

std::string_view AsText(const uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

}  // namespace

PackedCache::PackedCache(const PackedCacheOptions& options, const WeightSource& weights,
                         ComputeType type, const Backend& backend, std::string_view part)
    : type_(type), backend_(backend), on_warning_(options.on_warning) {
  if (options.folder.empty()) return;
  const std::string layout = backend.PackedLayout(type);
  const std::vector<std::string> names = weights.Names();
  if (layout.empty() || names.empty() || weights.FileStates().empty()) return;
  Sha256 place;
  AddText(&place, std::filesystem::weakly_canonical(weights.FileOf(names.front())).string());
  AddText(&place, layout);
  AddText(&place, weights.Variant());
  if (!part.empty()) AddText(&place, part);
  path_ = options.folder / (place.Hex().substr(0, 32) + ".bgepack");
  fingerprint_ = Fingerprint(weights, layout);
  Open();
}

void PackedCache::Warn(const std::string& what) const {
  if (on_warning_) on_warning_(what);
}

// The file's header: kMagic, the fingerprint, the number of entries, the entries.
void PackedCache::Open() {
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path_, error))) return;
  std::shared_ptr<const MappedFile> file;
  try {
    file = MappedFile::OpenOwn(path_);
  } catch (const Error& e) {
    return Warn("packed weights are not used, but made again: " + std::string(e.what()));
  }
  const std::span<const std::byte> bytes = file->bytes();
  const size_t fixed = kMagic.size() + kFingerprintBytes + sizeof(uint64_t);
  if (bytes.size() < fixed) return;
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  if (std::string_view(text, kMagic.size()) != kMagic) return;
  if (std::string_view(text + kMagic.size(), kFingerprintBytes) != fingerprint_) return;
  uint64_t count = 0;
  std::memcpy(&count, bytes.data() + fixed - sizeof count, sizeof count);
  if (count > kMostLayers || count * sizeof(Entry) > bytes.size() - fixed) return;
  std::vector<Entry> entries(count);
  std::memcpy(entries.data(), bytes.data() + fixed, count * sizeof(Entry));
  for (const Entry& entry : entries) {
    if (entry.offset % kAlignment != 0 || entry.offset > bytes.size() ||
        entry.bytes > bytes.size() - entry.offset) {
      return;
    }
  }
  file_ = std::move(file);
  entries_ = std::move(entries);
  RemoveLeftovers(path_);
}

std::unique_ptr<const PreparedLinear> PackedCache::Find(
    size_t number, int64_t n, int64_t k, std::span<const int32_t> exact_columns) const {
  if (number >= entries_.size()) return nullptr;
  const Entry& entry = entries_[number];
  if (entry.n != static_cast<uint64_t>(n) || entry.k != static_cast<uint64_t>(k)) return nullptr;
  return backend_.FromPacked(file_->bytes().subspan(entry.offset, entry.bytes), n, k, type_,
                             exact_columns);
}

std::unique_ptr<const PreparedLinear> PackedCache::Prepare(
    size_t number, std::span<const TensorView> parts, const WeightSource& weights,
    std::span<const int32_t> exact_columns) const {
  int64_t rows = 0;
  for (const TensorView& part : parts) rows += part.shape[0];
  if (auto kept = Find(number, rows, parts[0].shape[1], exact_columns)) return kept;
  auto prepared = backend_.PrepareLinear(parts, type_, exact_columns);
  if (prepared->owned_bytes() > 0) {
    for (const TensorView& part : parts) weights.Release(part);
  }
  return prepared;
}

void PackedCache::Save(std::span<const PreparedLinear* const> layers) const {
  const bool packed_here = std::any_of(layers.begin(), layers.end(),
                                       [](const auto* layer) { return layer->owned_bytes() > 0; });
  if (path_.empty() || !packed_here) return;
  const uint64_t count = layers.size();
  std::string header = std::string(kMagic) + fingerprint_ + std::string(AsText(count));
  uint64_t end = header.size() + count * sizeof(Entry);
  for (const PreparedLinear* layer : layers) {
    const uint64_t offset = RoundUp(end, kAlignment);
    end = offset + layer->packed().size();
    for (const uint64_t number :
         {static_cast<uint64_t>(layer->out_features()), static_cast<uint64_t>(layer->in_features()),
          offset, static_cast<uint64_t>(layer->packed().size())}) {
      header += AsText(number);
    }
  }
  try {
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (error) {
      Fail(ErrorCode::kIo, "cannot create the folder of packed weights",
           path_.parent_path().string() + ": " + error.message(), "give another folder");
    }
    RemoveLeftovers(path_);
    AtomicFile file(path_, FileAccess::kOwnerOnly);
    file.Write(header);
    for (const PreparedLinear* layer : layers) {
      file.Write(std::string(RoundUp(file.size(), kAlignment) - file.size(), '\0'));
      file.Write(layer->packed());
    }
    file.Commit();
  } catch (const std::exception& e) {
    Warn("packed weights are not kept: " + std::string(e.what()));
  }
}

}  // namespace bge
