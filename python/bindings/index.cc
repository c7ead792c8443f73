#include "bge/index.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/interruptible.h"
#include "bindings/text_list.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

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

// ids, texts and vectors of the same number: function(id, text, vector) for each.
template <typename Function>
void ForRows(nb::handle ids, nb::handle texts, const Vectors& vectors, const Function& function) {
  const TextList id_list(ids);
  const TextList text_list(texts);
  if (id_list.size() != text_list.size() || id_list.size() != vectors.shape(0)) {
    throw nb::value_error(("found " + std::to_string(id_list.size()) + " ids, " +
                           std::to_string(text_list.size()) + " texts and " +
                           std::to_string(vectors.shape(0)) + " vectors: give as many of each")
                              .c_str());
  }
  const nb::gil_scoped_release released;
  const size_t dimension = vectors.shape(1);
  for (size_t i = 0; i < id_list.size(); ++i) {
    function(id_list.views()[i], text_list.views()[i],
             std::span<const float>(vectors.data() + i * dimension, dimension));
  }
}

nb::list Search(const Index& self, const Vectors& queries, int64_t top_k, int threads) {
  std::stop_source stop;
  std::vector<std::vector<Hit>> hits;
  RunInterruptibly(0, &stop, [&] {
    hits = self.Search({queries.data(), queries.size()}, top_k, threads);
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
  nb::class_<IndexWriter>(m, "IndexWriter", "Writes a new index directory, all or nothing.")
      .def(nb::init<const std::string&, int64_t, std::string, std::map<std::string, std::string>>(),
           "path"_a, "dimension"_a, "model"_a = "",
           "metadata"_a = std::map<std::string, std::string>())
      .def(
          "add",
          [](IndexWriter& self, nb::handle ids, nb::handle texts, const Vectors& vectors) {
            ForRows(ids, texts, vectors,
                    [&](auto id, auto text, auto vector) { self.Add(id, text, vector); });
          },
          "ids"_a, "texts"_a, "vectors"_a, "Rows: float32 vectors (N, dimension).")
      .def("finish", &IndexWriter::Finish, nb::call_guard<nb::gil_scoped_release>(),
           "Makes it the index at its path.")
      .def("__len__", &IndexWriter::count);

  nb::class_<IndexEditor>(m, "IndexEditor",
                          "Adds and deletes rows; commit() makes it so, all or nothing. One writer "
                          "at a time.")
      .def(
          "__init__",
          [](IndexEditor* self, const std::string& path) { new (self) IndexEditor(path); },
          "path"_a)
      .def(
          "add",
          [](IndexEditor& self, nb::handle ids, nb::handle texts, const Vectors& vectors,
             bool replace) {
            ForRows(ids, texts, vectors, [&](auto id, auto text, auto vector) {
              if (replace) return self.Replace(id, text, vector);
              self.Add(id, text, vector);
            });
          },
          "ids"_a, "texts"_a, "vectors"_a, "replace"_a = false)
      .def(
          "delete",
          [](IndexEditor& self, nb::handle ids) {
            const TextList list(ids);
            int64_t deleted = 0;
            for (const std::string_view id : list.views()) deleted += self.Delete(id) ? 1 : 0;
            return deleted;
          },
          "ids"_a, "How many of them there were.")
      .def("commit", &IndexEditor::Commit, nb::call_guard<nb::gil_scoped_release>())
      .def("compact", &IndexEditor::Compact, nb::call_guard<nb::gil_scoped_release>())
      .def("__len__", &IndexEditor::count)
      .def(
          "__contains__",
          [](IndexEditor& self, const std::string& id) { return self.Contains(id); }, "id"_a);

  nb::class_<Index>(m, "Index", "An opened index: one commit of it. Immutable and thread-safe.")
      .def(
          "__init__",
          [](Index* self, const std::string& path) { new (self) Index(Index::Open(path)); },
          "path"_a)
      .def("search", &Search, "queries"_a, "top_k"_a = 10, "threads"_a = 0,
           "For each query vector (N, dimension) the rows of highest inner product, best first: "
           "lists of {\"id\", \"score\", \"text\", \"position\"}.")
      .def("verify", &Index::Verify, nb::call_guard<nb::gil_scoped_release>(),
           "Reads every byte and compares checksums.")
      .def(
          "refresh", [](const Index& self) { return self.Refresh(); },
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
