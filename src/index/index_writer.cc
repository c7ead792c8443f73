// IndexWriter: a new index of one segment, which takes the place of the one that was there.
#include "bge/index.h"

#include "base/error.h"
#include "index/id_set.h"
#include "index/index_directory.h"
#include "index/manifest.h"
#include "index/row_check.h"
#include "index/segment_writer.h"

#include <optional>
#include <utility>

namespace bge {

namespace fs = std::filesystem;
using index::Manifest;

namespace {

// JSON holds UTF-8 only: what does not come back as it was cannot be stored.
void CheckStorable(const Manifest& manifest) {
  std::optional<Manifest> back;
  const std::string text = FormatManifest(manifest);
  if (text.size() > index::kMaxManifestBytes / 2) {  // the rest is for segments
    Fail(ErrorCode::kInvalidArgument, "cannot store this in an index",
         "model or metadata: found " + std::to_string(text.size()) + " bytes, expected at most " +
             std::to_string(index::kMaxManifestBytes / 2),
         "leave some of it out");
  }
  try {
    back = index::ParseManifest(text, std::string(index::kManifestName));
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
      : directory_(index::IndexDirectory::ForNewIndex(dir)),
        manifest_(std::move(manifest)),
        segment_(directory_.path(), manifest_.dimension),
        ids_([this](int64_t row) { return segment_.ReadId(row); }) {}

  void Add(std::string_view id, std::string_view text, std::span<const float> vector) {
    RequireOpen();
    index::CheckRow(count(), id, vector, manifest_.dimension);
    if (const std::optional<int64_t> earlier = ids_.Insert(id, count())) {
      index::FailIdTwice(count(), id, "row " + std::to_string(*earlier) + " too");
    }
    state_ = State::kBroken;  // until everything is written
    segment_.Add(id, text, vector);
    state_ = State::kOpen;
  }

  void Finish() {
    RequireOpen();
    state_ = State::kBroken;
    index::PlacedFiles placed;
    manifest_.segments.push_back(segment_.Place(&placed));
    manifest_.rows_added = count();
    directory_.Replace(manifest_, &placed);
    state_ = State::kFinished;
    directory_.Unlock();
  }

  int64_t count() const { return segment_.count(); }

 private:
  enum class State { kOpen, kBroken, kFinished };

  void RequireOpen() const {
    directory_.RequireOwner();
    if (state_ == State::kOpen) return;
    Fail(ErrorCode::kInvalidArgument, "this index writer can no longer be used",
         directory_.path().string() +
             (state_ == State::kFinished ? ": it is finished" : ": an earlier write failed"),
         "make a new one");
  }

  index::IndexDirectory directory_;
  Manifest manifest_;
  index::SegmentWriter segment_;
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
  manifest.generation = 1;
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
