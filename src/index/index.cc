// Index: maps the segments that the manifest names and answers from them.
#include "bge/index.h"

#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/error.h"
#include "index/id_set.h"
#include "index/index_directory.h"
#include "index/index_info.h"
#include "index/kept_pools.h"
#include "index/manifest.h"
#include "index/mapped_segment.h"
#include "index/search.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

namespace bge {

namespace fs = std::filesystem;
using index::Manifest;
using index::MappedSegment;

namespace {

// How often a reader starts again because a writer replaced the index meanwhile.
constexpr int kMaxAttempts = 16;

using Segments = std::vector<std::shared_ptr<const MappedSegment>>;

// Where `known` has a segment of that name, its mappings are used again.
Segments MapSegments(const fs::path& dir, const Manifest& manifest, const Segments& known) {
  Segments segments;
  for (const index::Segment& record : manifest.segments) {
    const auto same = std::find_if(known.begin(), known.end(), [&](const auto& segment) {
      return segment->record().name == record.name;
    });
    segments.push_back(MappedSegment::Open(dir, record, manifest.dimension,
                                           same == known.end() ? nullptr : same->get()));
  }
  return segments;
}

}  // namespace

class Index::Impl {
 public:
  // `known`: segments that may have been mapped before.
  static std::unique_ptr<const Impl> Open(const fs::path& dir, const Segments& known) {
    for (int attempt = 1;; ++attempt) {
      std::string text = index::ReadManifest(dir);
      const Manifest manifest = index::ParseManifest(text, (dir / index::kManifestName).string());
      try {
        return std::make_unique<Impl>(dir, std::move(text), manifest,
                                      MapSegments(dir, manifest, known));
      } catch (const Error& e) {
        if (e.code() != ErrorCode::kNotFound) throw;
        // A writer has replaced the index and removed files of this manifest; or they are lost.
        if (attempt < kMaxAttempts && index::ReadManifest(dir) != text) continue;
        index::FailMissing(e);
      }
    }
  }

  Impl(fs::path dir, std::string manifest_text, const Manifest& manifest, Segments segments)
      : dir_(std::move(dir)),
        manifest_text_(std::move(manifest_text)),
        info_(InfoOf(manifest, manifest_text_.size())),
        segments_(std::move(segments)) {
    int64_t rows = 0;
    int64_t live = 0;
    for (const auto& segment : segments_) {
      first_row_.push_back(rows);
      first_position_.push_back(live);
      rows += segment->record().count;
      live += segment->live().count();
    }
  }

  const IndexInfo& info() const { return info_; }

  // Null where nothing has changed.
  std::unique_ptr<const Impl> Refresh() const {
    if (index::ReadManifest(dir_) == manifest_text_) return nullptr;
    return Open(dir_, segments_);
  }

  // A row of a segment.
  struct Place {
    const MappedSegment& segment;
    int64_t row;
    int64_t position;  // in the index
  };

  Place PlaceOf(int64_t position) const {
    if (position < 0 || position >= info_.count) {
      Fail(ErrorCode::kInvalidArgument, "there is no such row",
           "found " + std::to_string(position) + ", expected 0 to " +
               std::to_string(info_.count - 1),
           "see info().count");
    }
    const size_t s = SegmentAt(first_position_, position);
    return {*segments_[s], segments_[s]->live().RowOf(position - first_position_[s]), position};
  }

  // `row`: as index::SearchRows counts those of Ranges().
  Place PlaceOfRow(int64_t row) const {
    const size_t s = SegmentAt(first_row_, row);
    row -= first_row_[s];
    return {*segments_[s], row, first_position_[s] + segments_[s]->live().NumberOf(row)};
  }

  std::vector<index::RowRange> Ranges() const {
    std::vector<index::RowRange> ranges;
    for (const auto& segment : segments_) {
      const index::DeletedRows& deleted = segment->live().deleted();
      ranges.push_back({segment->Vectors(), deleted.count() > 0 ? &deleted : nullptr});
    }
    return ranges;
  }

  std::shared_ptr<ThreadPool> Pool(int threads) const {
    if (threads == 0) {
      threads = default_threads_.load();
      if (threads == 0) default_threads_.store(threads = DefaultThreads());
    }
    return pools_.Get(threads);
  }

  // Products of finite values may overflow.
  void RequireFinite(const Place& place) const {
    const std::span<const float> values(place.segment.Vectors().row(place.row),
                                        static_cast<size_t>(info_.dimension));
    if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return;
    index::FailDamaged(dir_, "row " + std::to_string(place.position) +
                                 ": found a vector with a value that is not finite");
  }

  void Verify() const {
    for (const auto& segment : segments_) segment->Verify();
    VerifyIds();
  }

 private:
  // The last segment that begins at or before `at`: those before it that begin there are empty.
  static size_t SegmentAt(const std::vector<int64_t>& begins, int64_t at) {
    return static_cast<size_t>(std::upper_bound(begins.begin(), begins.end(), at) -
                               begins.begin()) -
           1;
  }

  void VerifyIds() const {
    index::IdSet ids([this](int64_t position) {
      const Place place = PlaceOf(position);
      return std::string(place.segment.Id(place.row));
    });
    for (int64_t position = 0; position < info_.count; ++position) {
      const Place place = PlaceOf(position);
      const std::string_view id = place.segment.Id(place.row);
      const std::optional<int64_t> earlier = ids.Insert(id, position);
      if (!earlier) continue;
      index::FailDamaged(dir_, "rows " + std::to_string(*earlier) + " and " +
                                   std::to_string(position) + ": found the id '" +
                                   Printable(id, 80) + "' twice");
    }
  }

  fs::path dir_;
  std::string manifest_text_;
  IndexInfo info_;
  Segments segments_;
  std::vector<int64_t> first_row_;                // of each segment, deleted rows counted
  std::vector<int64_t> first_position_;           // and not counted
  mutable std::atomic<int> default_threads_ = 0;  // 0: not asked for yet
  mutable index::KeptPools pools_;
};

Index::Index(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;
Index::~Index() = default;

Index Index::Open(const fs::path& dir) { return Index(Impl::Open(dir, {})); }

std::optional<Index> Index::Refresh() const {
  auto impl = impl_->Refresh();
  if (impl == nullptr) return std::nullopt;
  return Index(std::move(impl));
}

const IndexInfo& Index::info() const { return impl_->info(); }

std::vector<std::vector<Hit>> Index::Search(std::span<const float> queries, int64_t top_k,
                                            int threads) const {
  const int64_t dimension = info().dimension;
  const auto size = static_cast<int64_t>(queries.size());
  if (size % dimension != 0) {
    Fail(ErrorCode::kInvalidArgument, "queries have the wrong length",
         "found " + std::to_string(size) + " values, expected a multiple of " +
             std::to_string(dimension),
         "give vectors of the index's dimension");
  }
  if (top_k < 0 || threads < 0 || threads > kMaxThreads) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         top_k < 0 ? "top_k: found " + std::to_string(top_k) + ", expected 0 or more"
                   : "threads: found " + std::to_string(threads) + ", expected 0 to " +
                         std::to_string(kMaxThreads),
         "correct the argument");
  }
  for (int64_t i = 0; i < size; ++i) {
    if (std::isfinite(queries[static_cast<size_t>(i)])) continue;
    Fail(ErrorCode::kInvalidArgument, "a query is not finite",
         "query " + std::to_string(i / dimension) + ", value " + std::to_string(i % dimension),
         "check the model's weights");
  }

  const ConstMatrix query_rows(queries.data(), size / dimension, dimension);
  const std::shared_ptr<ThreadPool> pool = impl_->Pool(threads);
  const auto found = index::SearchRows(CpuBackend(), *pool, impl_->Ranges(), query_rows, top_k);
  std::vector<std::vector<Hit>> results(found.size());
  for (size_t q = 0; q < found.size(); ++q) {
    results[q].reserve(found[q].size());
    for (const index::Candidate& c : found[q]) {
      const Impl::Place place = impl_->PlaceOfRow(c.row);
      if (!std::isfinite(c.score)) impl_->RequireFinite(place);
      results[q].push_back(
          {place.position, c.score, place.segment.Id(place.row), place.segment.RowText(place.row)});
    }
  }
  return results;
}

std::string_view Index::id(int64_t position) const {
  const Impl::Place place = impl_->PlaceOf(position);
  return place.segment.Id(place.row);
}
std::string_view Index::text(int64_t position) const {
  const Impl::Place place = impl_->PlaceOf(position);
  return place.segment.RowText(place.row);
}
std::span<const float> Index::vector(int64_t position) const {
  const Impl::Place place = impl_->PlaceOf(position);
  return {place.segment.Vectors().row(place.row), static_cast<size_t>(info().dimension)};
}

void Index::Verify() const { impl_->Verify(); }

}  // namespace bge
