#include "bge/index.h"

#include "bge/error.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "bindings/interruptible.h"
#include "bindings/paths.h"
#include "bindings/text_list.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <unistd.h>

#include <algorithm>
#include <concepts>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

namespace nb = nanobind;
using namespace nb::literals;

namespace bge::python {

namespace {

using Vectors = ArrayIn<float, 2>;

nb::str Text(std::string_view text) {
  PyObject* str =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (str == nullptr) throw nb::python_error();
  return nb::steal<nb::str>(str);
}

nb::dict InfoOf(const IndexInfo& info) {
  nb::dict d;
  d["count"] = info.count;
  d["dimension"] = info.dimension;
  d["bytes"] = info.bytes;
  d["deleted"] = info.deleted;
  d["generation"] = info.generation;
  d["segments"] = info.segments.size();
  d["model"] = info.model;
  d["metadata"] = info.metadata;
  return d;
}

// A writer, of which the library wants one call at a time. Python's threads wait for each other:
// without the GIL, which the one at work may want. A forked child, where that one is not, would
// wait for ever.
template <class Writer>
class OneAtATime {
 public:
  template <typename... Arguments>
  requires std::constructible_from<Writer, Arguments...>
  explicit OneAtATime(Arguments&&... arguments)
      : writer_(std::in_place, std::forward<Arguments>(arguments)...) {}
  OneAtATime(const OneAtATime&) = delete;
  OneAtATime& operator=(const OneAtATime&) = delete;

  /// work(writer) without the GIL. InvalidArgument in another process than the one that made it,
  /// and after Close().
  template <typename Function>
  auto Run(const Function& work) {
    if (::getpid() != owner_) {
      throw Error(
          ErrorCode::kInvalidArgument,
          "the index is being written by the process that this one was forked from: write it "
          "there, or open it here when that is done");
    }
    const WithoutGil released;
    const std::lock_guard lock(mu_);
    if (!writer_) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the index is not being written any more: close() was called, or its with block "
                  "has ended: open it again");
    }
    return work(*writer_);
  }

  /// Lets the writer go, with what is not written, and the index's lock. In a forked child, to
  /// which they do not belong, nothing.
  void Close() {
    if (::getpid() != owner_) return;
    const WithoutGil released;
    const std::lock_guard lock(mu_);
    writer_.reset();
  }

 private:
  const pid_t owner_ = ::getpid();
  std::mutex mu_;
  std::optional<Writer> writer_;
};
using PyIndexWriter = OneAtATime<IndexWriter>;
using PyIndexEditor = OneAtATime<IndexEditor>;

// ids, texts and vectors of the same number: function(writer, id, text, vector) for each. Other
// threads' rows do not come in between.
template <class Writer, typename Function>
void ForRows(OneAtATime<Writer>& writer, nb::handle ids, nb::handle texts, const Vectors& vectors,
             const Function& function) {
  const TextList id_list(ids);
  const TextList text_list(texts);
  if (id_list.size() != text_list.size() || id_list.size() != vectors.shape(0)) {
    throw nb::value_error(("found " + std::to_string(id_list.size()) + " ids, " +
                           std::to_string(text_list.size()) + " texts and " +
                           std::to_string(vectors.shape(0)) + " vectors: give as many of each")
                              .c_str());
  }
  const size_t dimension = vectors.shape(1);
  writer.Run([&](Writer& w) {
    for (size_t i = 0; i < id_list.size(); ++i) {
      function(w, id_list.views()[i], text_list.views()[i],
               std::span<const float>(vectors.data() + i * dimension, dimension));
    }
  });
}

nb::list Search(const Index& self, const Vectors& queries, int64_t top_k, int threads) {
  const auto dimension = static_cast<size_t>(self.info().dimension);
  if (queries.shape(1) != dimension) {
    throw nb::value_error(("queries: found vectors of " + std::to_string(queries.shape(1)) +
                           " values, expected the index's " + std::to_string(dimension))
                              .c_str());
  }
  std::stop_source stop;
  std::vector<std::vector<Hit>> hits;
  // In pieces, between which Ctrl-C is heard: of about a second at most with a million rows.
  constexpr size_t kPiece = 256;
  // A product of a thousand values takes about as long as a few bytes of text.
  const size_t work = queries.shape(0) * static_cast<size_t>(self.info().count) * dimension / 1024;
  RunInterruptibly(work, &stop, [&] {
    size_t q = 0;
    do {
      const size_t count = std::min(kPiece, queries.shape(0) - q);
      auto found = self.Search({queries.data() + q * dimension, count * dimension}, top_k, threads);
      std::move(found.begin(), found.end(), std::back_inserter(hits));
      q += count;
    } while (q < queries.shape(0) && !stop.stop_requested());
  });
  nb::list all;
  for (const std::vector<Hit>& of_query : hits) {
    nb::list rows;
    for (const Hit& hit : of_query) {
      nb::dict row;
      row["id"] = Text(hit.id);
      row["score"] = hit.score;
      row["text"] = Text(hit.text);
      row["position"] = hit.position;
      rows.append(row);
    }
    all.append(rows);
  }
  return all;
}

}  // namespace

void AddIndex(nb::module_& m) {
  nb::class_<PyIndexWriter>(
      m, "IndexWriter",
      "Writes a new index directory, all or nothing. Calls of several threads "
      "wait for each other.")
      .def(
          "__init__",
          [](PyIndexWriter* self, const PathArgument& path, int64_t dimension, std::string model,
             std::map<std::string, std::string> metadata) {
            new (self) PyIndexWriter(path.bytes, dimension, std::move(model), std::move(metadata));
          },
          "path"_a, "dimension"_a, "model"_a = "",
          "metadata"_a = std::map<std::string, std::string>())
      .def(
          "add",
          [](PyIndexWriter& self, nb::handle ids, nb::handle texts, const Vectors& vectors) {
            ForRows(self, ids, texts, vectors, [](IndexWriter& w, auto id, auto text, auto vector) {
              w.Add(id, text, vector);
            });
          },
          "ids"_a, "texts"_a, "vectors"_a, "Rows: float32 vectors (N, dimension).")
      .def(
          "finish", [](PyIndexWriter& self) { self.Run([](IndexWriter& w) { w.Finish(); }); },
          "Makes it the index at its path.")
      .def("close", &PyIndexWriter::Close, "Drops it, where finish() has not been called.")
      .def("__len__",
           [](PyIndexWriter& self) { return self.Run([](IndexWriter& w) { return w.count(); }); });

  nb::class_<PyIndexEditor>(
      m, "IndexEditor",
      "Adds and deletes rows; commit() makes it so, all or nothing. One writer "
      "of an index at a time; calls of several threads wait for each other.")
      .def(
          "__init__",
          [](PyIndexEditor* self, const PathArgument& path) {
            const WithoutGil released;
            new (self) PyIndexEditor(path.bytes);
          },
          "path"_a)
      .def(
          "add",
          [](PyIndexEditor& self, nb::handle ids, nb::handle texts, const Vectors& vectors,
             bool replace) {
            ForRows(self, ids, texts, vectors,
                    [&](IndexEditor& w, auto id, auto text, auto vector) {
                      if (replace) return w.Replace(id, text, vector);
                      w.Add(id, text, vector);
                    });
          },
          "ids"_a, "texts"_a, "vectors"_a, "replace"_a = false,
          "Rows: float32 vectors (N, dimension). Where one is refused, those before it have been "
          "added: what has raised is not to be committed (a `with` block does not).")
      .def(
          "delete",
          [](PyIndexEditor& self, nb::handle ids) {
            const TextList list(ids);
            return self.Run([&](IndexEditor& w) {
              int64_t deleted = 0;
              for (const std::string_view id : list.views()) deleted += w.Delete(id) ? 1 : 0;
              return deleted;
            });
          },
          "ids"_a, "How many of them there were.")
      .def("commit", [](PyIndexEditor& self) { self.Run([](IndexEditor& w) { w.Commit(); }); })
      .def("compact", [](PyIndexEditor& self) { self.Run([](IndexEditor& w) { w.Compact(); }); })
      .def("close", &PyIndexEditor::Close,
           "Drops what is not committed, and lets others write the index.")
      .def("__len__",
           [](PyIndexEditor& self) { return self.Run([](IndexEditor& w) { return w.count(); }); })
      .def(
          "__contains__",
          [](PyIndexEditor& self, const std::string& id) {
            return self.Run([&](IndexEditor& w) { return w.Contains(id); });
          },
          "id"_a);

  nb::class_<Index>(m, "Index", "An opened index: one commit of it. Immutable and thread-safe.")
      .def(
          "__init__",
          [](Index* self, const PathArgument& path) {
            const WithoutGil released;
            new (self) Index(Index::Open(path.bytes));
          },
          "path"_a)
      .def("search", &Search, "queries"_a, "top_k"_a = 10, "threads"_a = 0,
           "For each query vector (N, dimension) the rows of highest inner product, best first: "
           "lists of {\"id\", \"score\", \"text\", \"position\"}.")
      .def(
          "verify",
          [](const Index& self) {
            const WithoutGil released;
            self.Verify();
          },
          "Reads every byte and compares checksums.")
      .def(
          "refresh",
          [](const Index& self) {
            const WithoutGil released;
            return self.Refresh();
          },
          "The index as it is now, or None where it has not changed.")
      .def_prop_ro("info", [](const Index& self) { return InfoOf(self.info()); })
      .def("__len__", [](const Index& self) { return self.info().count; })
      .def(
          "id", [](const Index& self, int64_t position) { return Text(self.id(position)); },
          "position"_a)
      .def(
          "text", [](const Index& self, int64_t position) { return Text(self.text(position)); },
          "position"_a);
}

}  // namespace bge::python
