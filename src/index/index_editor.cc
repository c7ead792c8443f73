// IndexEditor: rows that come are a new segment, rows that go are bits in a new file, and a commit
// is a new manifest that names both.
#include "bge/index.h"

#include "base/error.h"
#include "index/id_set.h"
#include "index/index_directory.h"
#include "index/index_info.h"
#include "index/manifest.h"
#include "index/mapped_segment.h"
#include "index/merge_plan.h"
#include "index/row_check.h"
#include "index/segment_writer.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

namespace bge {

namespace fs = std::filesystem;
using index::DeletedRows;
using index::Manifest;
using index::MappedSegment;
using index::PlacedFiles;
using index::Segment;

namespace {

// A segment that is committed, with what is deleted since. Rows of all segments have numbers in one
// space, in which each segment has a range that stays its own as long as it lives: ids_ has them.
struct EditedSegment {
  std::shared_ptr<const MappedSegment> mapped;
  int64_t first = 0;
  DeletedRows deleted;
  bool damaged = false;  // as a merge has found

  bool Holds(int64_t number) const {
    return number >= first && number - first < mapped->record().count;
  }
  bool Changed() const { return deleted.count() != mapped->live().deleted().count(); }
  int64_t live() const { return deleted.rows() - deleted.count(); }
};

std::span<const float> VectorOf(const MappedSegment& segment, int64_t row) {
  const ConstMatrix vectors = segment.Vectors();
  return {vectors.row(row), static_cast<size_t>(vectors.cols)};
}

}  // namespace

class IndexEditor::Impl {
 public:
  Impl(const fs::path& dir, IndexEditorOptions options)
      : options_(std::move(options)), directory_(index::IndexDirectory::ForChanges(dir)) {
    const fs::path path = directory_.path() / index::kManifestName;
    manifest_ = index::ParseManifest(index::ReadManifest(directory_.path()), path.string());
    try {
      for (const Segment& segment : manifest_.segments) AppendSegment(Map(segment));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kNotFound) index::FailMissing(error);
      throw;
    }
    rows_added_ = manifest_.rows_added;
    directory_.RemoveLeftovers(manifest_);
  }

  void Add(std::string_view id, std::string_view text, std::span<const float> vector,
           bool replaces) {
    RequireOpen();
    index::CheckRow(rows_added_, id, vector, manifest_.dimension);
    const std::optional<int64_t> earlier = Ids().Find(id);
    if (earlier && !replaces) index::FailIdTwice(rows_added_, id, Describe(*earlier));
    state_ = State::kBroken;  // until everything is written
    if (!added_) {
      added_.emplace(directory_.path(), manifest_.dimension);
      added_first_ = next_number_;
      added_deleted_ = DeletedRows();
    }
    const int64_t number = added_first_ + added_->count();
    added_->Add(id, text, vector);
    added_deleted_.Append();
    ++rows_added_;
    if (earlier) {
      MarkDeleted(*earlier);
      ids_->Move(id, number);
    } else {
      ids_->Insert(id, number);
    }
    state_ = State::kOpen;
  }

  bool Delete(std::string_view id) {
    RequireOpen();
    const std::optional<int64_t> number = Ids().Erase(id);
    if (number) MarkDeleted(*number);
    return number.has_value();
  }

  bool Contains(std::string_view id) {
    RequireOpen();
    return Ids().Find(id).has_value();
  }

  void Commit() {
    RequireOpen();
    if (!CommitChanges()) return;
    try {
      MergeWhatCanBe();
    } catch (const std::exception& error) {
      // The commit has happened. What cannot be merged now is merged by a later one.
      WarnUnmerged(error);
    }
  }

  void Compact() {
    RequireOpen();
    CommitChanges();
    const bool compact = segments_.size() <= 1 &&
                         std::none_of(segments_.begin(), segments_.end(),
                                      [](const EditedSegment& s) { return s.deleted.count() > 0; });
    if (!compact) Merge({0, segments_.size()});
  }

  int64_t count() const {
    int64_t live = added_ ? added_deleted_.rows() - added_deleted_.count() : 0;
    for (const EditedSegment& segment : segments_) live += segment.live();
    return live;
  }
  int64_t rows_added() const { return rows_added_; }
  IndexInfo info() const { return InfoOf(manifest_, FormatManifest(manifest_).size()); }

 private:
  enum class State { kOpen, kBroken };

  void RequireOpen() const {
    directory_.RequireOwner();
    if (state_ == State::kOpen) return;
    Fail(ErrorCode::kInvalidArgument, "this index editor can no longer be used",
         directory_.path().string() + ": an earlier write failed", "make a new one");
  }

  std::shared_ptr<const MappedSegment> Map(const Segment& segment,
                                           const MappedSegment* known = nullptr) const {
    return MappedSegment::Open(directory_.path(), segment, manifest_.dimension, known);
  }

  EditedSegment NewSegment(std::shared_ptr<const MappedSegment> mapped, int64_t first) const {
    DeletedRows deleted = mapped->live().deleted();
    return {std::move(mapped), first, std::move(deleted)};
  }

  void AppendSegment(std::shared_ptr<const MappedSegment> mapped) {
    const int64_t rows = mapped->record().count;
    segments_.push_back(NewSegment(std::move(mapped), next_number_));
    next_number_ += rows;
  }

  // The segment of a committed row; null: the row is one that was added since.
  EditedSegment* SegmentOf(int64_t number) {
    for (std::vector<EditedSegment>* segments : {&segments_, &retired_}) {
      for (EditedSegment& segment : *segments) {
        if (segment.Holds(number)) return &segment;
      }
    }
    return nullptr;
  }

  std::string ReadId(int64_t number) {
    const EditedSegment* const segment = SegmentOf(number);
    if (segment == nullptr) return added_->ReadId(number - added_first_);
    return std::string(segment->mapped->Id(number - segment->first));
  }

  std::string Describe(int64_t number) {
    return SegmentOf(number) != nullptr ? "the index" : "an earlier row";
  }

  void MarkDeleted(int64_t number) {
    if (EditedSegment* const segment = SegmentOf(number)) {
      segment->deleted.Insert(number - segment->first);
    } else {
      added_deleted_.Insert(number - added_first_);
    }
  }

  // The ids of all rows that are not deleted, read when they are first asked for.
  index::IdSet& Ids() {
    if (ids_) return *ids_;
    index::IdSet ids([this](int64_t number) { return ReadId(number); });
    for (const EditedSegment& segment : segments_) {
      for (int64_t row = 0; row < segment.mapped->record().count; ++row) {
        if (segment.deleted.Contains(row)) continue;
        const std::string_view id = segment.mapped->Id(row);
        if (!ids.Insert(id, segment.first + row)) continue;
        index::FailDamaged(directory_.path() / segment.mapped->record().FileName(index::Part::kIds),
                           "row " + std::to_string(row) + ": found the id '" + Printable(id, 80) +
                               "' of an earlier row");
      }
    }
    ids_.emplace(std::move(ids));
    return *ids_;
  }

  std::vector<index::SegmentSize> Sizes() const {
    std::vector<index::SegmentSize> sizes;
    for (const EditedSegment& s : segments_) {
      sizes.push_back({s.live(), s.deleted.count(), s.damaged});
    }
    return sizes;
  }

  void WarnUnmerged(const std::exception& error) const {
    if (options_.on_warning == nullptr) return;
    options_.on_warning(std::string("segments were not merged: ") + error.what());
  }

  int64_t NumDamaged() const {
    return std::count_if(segments_.begin(), segments_.end(),
                         [](const EditedSegment& s) { return s.damaged; });
  }

  // A segment that is found damaged stays as it is, and those around it are merged without it.
  void MergeWhatCanBe() {
    while (const auto plan = index::PlanMerge(Sizes())) {
      const int64_t known = NumDamaged();
      try {
        Merge(*plan);
      } catch (const Error& error) {
        if (NumDamaged() == known) throw;
        WarnUnmerged(error);
      }
    }
  }

  static void VerifyOrMark(EditedSegment* segment) {
    try {
      segment->mapped->Verify();
    } catch (const Error&) {
      segment->damaged = true;
      throw;
    }
  }

  // Whether there was anything to commit.
  bool CommitChanges() {
    const bool adds = added_ && added_deleted_.count() < added_deleted_.rows();
    const bool deletes = std::any_of(segments_.begin(), segments_.end(),
                                     [](const EditedSegment& s) { return s.Changed(); });
    if (!adds && !deletes) {
      added_.reset();
      return false;
    }
    state_ = State::kBroken;
    PlacedFiles placed;
    Manifest next = manifest_;
    next.rows_added = rows_added_;
    next.segments.clear();
    std::vector<EditedSegment> segments;
    for (const EditedSegment& segment : segments_) {
      Segment record = segment.mapped->record();
      if (segment.live() == 0) continue;
      std::shared_ptr<const MappedSegment> mapped = segment.mapped;
      if (segment.Changed()) {
        record.deleted = PlaceDeletedRows(directory_.path(), record, segment.deleted, &placed);
        mapped = Map(record, mapped.get());
      }
      segments.push_back(NewSegment(std::move(mapped), segment.first));
      segments.back().damaged = segment.damaged;
      next.segments.push_back(record);
    }
    int64_t next_number = next_number_;
    if (adds) {
      Segment record = added_->Place(&placed);
      record.deleted = PlaceDeletedRows(directory_.path(), record, added_deleted_, &placed);
      segments.push_back(NewSegment(Map(record), added_first_));
      next.segments.push_back(record);
      next_number = added_first_ + record.count;
    }
    Install(std::move(next), std::move(segments), &placed);
    next_number_ = next_number;
    added_.reset();
    state_ = State::kOpen;
    return true;
  }

  // Writes the live rows of [begin, end) as one segment, after checking every byte of them: a
  // damaged one must not get a checksum that agrees. Nothing else may have changed.
  void Merge(const index::MergeRange& range) {
    const auto begin = segments_.begin() + static_cast<std::ptrdiff_t>(range.begin);
    const auto end = segments_.begin() + static_cast<std::ptrdiff_t>(range.end);
    PlacedFiles placed;
    std::optional<Segment> record;
    {
      index::SegmentWriter writer(directory_.path(), manifest_.dimension);
      for (auto segment = begin; segment != end; ++segment) {
        const MappedSegment& mapped = *segment->mapped;
        VerifyOrMark(&*segment);
        for (int64_t row = 0; row < mapped.record().count; ++row) {
          if (segment->deleted.Contains(row)) continue;
          writer.Add(mapped.Id(row), mapped.RowText(row), VectorOf(mapped, row));
        }
      }
      if (writer.count() > 0) record = writer.Place(&placed);
    }

    Manifest next = manifest_;
    next.segments.clear();
    std::vector<EditedSegment> segments(segments_.begin(), begin);
    if (record) segments.push_back(NewSegment(Map(*record), next_number_));
    segments.insert(segments.end(), end, segments_.end());
    for (const EditedSegment& segment : segments) next.segments.push_back(segment.mapped->record());

    state_ = State::kBroken;
    retired_.assign(begin, end);  // where the ids are found until they have moved
    const int64_t first = std::exchange(next_number_, next_number_ + (record ? record->count : 0));
    Install(std::move(next), std::move(segments), &placed);
    if (ids_ && record) {
      const MappedSegment& merged = *segments_[range.begin].mapped;
      for (int64_t row = 0; row < record->count; ++row) ids_->Move(merged.Id(row), first + row);
    }
    retired_.clear();
    state_ = State::kOpen;
  }

  void Install(Manifest next, std::vector<EditedSegment> segments, PlacedFiles* placed) {
    next.generation = manifest_.generation + 1;
    directory_.Replace(next, placed);
    manifest_ = std::move(next);
    segments_ = std::move(segments);
  }

  IndexEditorOptions options_;
  index::IndexDirectory directory_;
  Manifest manifest_;
  std::vector<EditedSegment> segments_;
  std::vector<EditedSegment> retired_;  // while a merge replaces them
  int64_t next_number_ = 0;             // of the rows that come
  int64_t rows_added_ = 0;
  std::optional<index::SegmentWriter> added_;  // rows since the last commit
  int64_t added_first_ = 0;
  DeletedRows added_deleted_;
  std::optional<index::IdSet> ids_;
  State state_ = State::kOpen;
};

IndexEditor::IndexEditor(const fs::path& dir, IndexEditorOptions options)
    : impl_(std::make_unique<Impl>(dir, std::move(options))) {}
IndexEditor::IndexEditor(IndexEditor&&) noexcept = default;
IndexEditor::~IndexEditor() = default;

void IndexEditor::Add(std::string_view id, std::string_view text, std::span<const float> vector) {
  impl_->Add(id, text, vector, false);
}
void IndexEditor::Replace(std::string_view id, std::string_view text,
                          std::span<const float> vector) {
  impl_->Add(id, text, vector, true);
}
bool IndexEditor::Delete(std::string_view id) { return impl_->Delete(id); }
bool IndexEditor::Contains(std::string_view id) { return impl_->Contains(id); }
void IndexEditor::Commit() { impl_->Commit(); }
void IndexEditor::Compact() { impl_->Compact(); }
int64_t IndexEditor::count() const { return impl_->count(); }
int64_t IndexEditor::rows_added() const { return impl_->rows_added(); }
IndexInfo IndexEditor::info() const { return impl_->info(); }

}  // namespace bge
