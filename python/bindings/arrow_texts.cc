#include "bindings/arrow_texts.h"

#include "bindings/gil.h"

#include <nanobind/stl/string.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace nb = nanobind;

extern "C" {
// Arrow's structures, by its specification.
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};
}

namespace bge::python {

namespace {

// A structure that its producer frees.
template <class Struct>
class Released {
 public:
  Released() { std::memset(&value_, 0, sizeof value_); }
  // Takes it from who has it, as the specification has consumers do.
  explicit Released(Struct* taken) : value_(*taken) { taken->release = nullptr; }
  Released(Released&& other) noexcept : value_(other.value_) { other.value_.release = nullptr; }
  Released& operator=(Released&&) = delete;
  ~Released() {
    if (value_.release != nullptr) value_.release(&value_);
  }
  Struct* get() { return &value_; }
  Struct* operator->() { return &value_; }

 private:
  Struct value_;
};

enum class Layout { kString, kLargeString, kStringView };

// The format string's types, https://arrow.apache.org/docs/format/CDataInterface.html, as users
// know them.
std::string TypeInWords(std::string_view format) {
  static constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"n", "nulls alone"},
      {"b", "bool"},
      {"c", "int8"},
      {"C", "uint8"},
      {"s", "int16"},
      {"S", "uint16"},
      {"i", "int32"},
      {"I", "uint32"},
      {"l", "int64"},
      {"L", "uint64"},
      {"e", "float16"},
      {"f", "float32"},
      {"g", "float64"},
      {"z", "binary: decode it first"},
      {"Z", "large_binary: decode it first"},
      {"vz", "binary_view: decode it first"},
      {"+s", "a table or structs: give one of its columns"},
      {"+l", "lists: give their texts one after another"},
  };
  for (const auto& [name, words] : kNames) {
    if (name == format) return words;
  }
  return "format '" + std::string(format) + "'";
}

// How the texts of a column lie: the values of a dictionary, where it has one, and the type of the
// rows' places among them.
struct ColumnType {
  Layout layout = Layout::kString;
  char place = 0;  // 0: no dictionary
};

ColumnType TypeOf(const ArrowSchema& schema) {
  const std::string_view format = schema.format == nullptr ? "" : schema.format;
  if (schema.dictionary != nullptr) {
    const ColumnType values = TypeOf(*schema.dictionary);
    constexpr std::string_view kIntegers = "cCsSiIlL";
    if (values.place == 0 && format.size() == 1 && kIntegers.find(format) != format.npos) {
      return {.layout = values.layout, .place = format[0]};
    }
  } else {
    if (format == "u") return {.layout = Layout::kString};
    if (format == "U") return {.layout = Layout::kLargeString};
    if (format == "vu") return {.layout = Layout::kStringView};
  }
  throw nb::type_error(("texts: expected Arrow data of type string, large_string or string_view, "
                        "or a dictionary of those, found " +
                        TypeInWords(format))
                           .c_str());
}

[[noreturn]] void FailMalformed(const std::string& what) {
  throw nb::value_error(("Arrow data: malformed: " + what).c_str());
}

// The length of the data is not known here: pyarrow's own validate() (below) compares the last
// offset with it.
template <class Offset>
void AppendStrings(const ArrowArray& array, std::vector<std::string_view>* views) {
  const auto* offsets = static_cast<const Offset*>(array.buffers[1]) + array.offset;
  const auto* data = static_cast<const char*>(array.buffers[2]);
  if (offsets[0] < 0) FailMalformed("a negative offset");
  for (int64_t i = 0; i < array.length; ++i) {
    if (offsets[i + 1] < offsets[i]) {
      FailMalformed("offsets that decrease, at row " + std::to_string(i));
    }
    views->emplace_back(data + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]));
  }
}

// https://arrow.apache.org/docs/format/Columnar.html: 16 bytes a string, of which short ones lie in
// them, long ones in one of the buffers behind. The last buffer has those buffers' sizes.
void AppendStringViews(const ArrowArray& array, std::vector<std::string_view>* views) {
  constexpr int32_t kInlineBytes = 12;
  constexpr int64_t kViewBytes = 16;
  const auto* items = static_cast<const char*>(array.buffers[1]) + array.offset * kViewBytes;
  const int64_t num_buffers = array.n_buffers - 3;
  const auto* sizes = static_cast<const int64_t*>(array.buffers[array.n_buffers - 1]);
  for (int64_t i = 0; i < array.length; ++i, items += kViewBytes) {
    int32_t size = 0;
    std::memcpy(&size, items, sizeof size);
    if (size < 0) FailMalformed("a negative length, at row " + std::to_string(i));
    if (size <= kInlineBytes) {
      views->emplace_back(items + 4, static_cast<size_t>(size));
      continue;
    }
    int32_t buffer = 0;
    int32_t begin = 0;
    std::memcpy(&buffer, items + 8, sizeof buffer);
    std::memcpy(&begin, items + 12, sizeof begin);
    if (buffer < 0 || buffer >= num_buffers || begin < 0 || int64_t{begin} + size > sizes[buffer]) {
      FailMalformed("text outside of its buffer, at row " + std::to_string(i));
    }
    views->emplace_back(static_cast<const char*>(array.buffers[2 + buffer]) + begin,
                        static_cast<size_t>(size));
  }
}

bool IsNull(const ArrowArray& array, int64_t row) {
  const auto* valid = array.n_buffers > 0 ? static_cast<const uint8_t*>(array.buffers[0]) : nullptr;
  if (array.null_count == 0 || valid == nullptr) return false;
  const int64_t bit = array.offset + row;
  return (valid[bit / 8] >> (bit % 8) & 1) == 0;
}

[[noreturn]] void FailNull(size_t row) {
  throw nb::value_error(
      ("texts[" + std::to_string(row) + "]: null: drop or fill such rows first").c_str());
}

void CheckNoNull(const ArrowArray& array, size_t before) {
  if (array.null_count == 0) return;
  for (int64_t i = 0; i < array.length; ++i) {
    if (IsNull(array, i)) FailNull(before + static_cast<size_t>(i));
  }
}

void CheckBuffers(const ArrowArray& array, int64_t fewest) {
  if (array.release == nullptr) FailMalformed("it has been taken already");
  if (array.length < 0 || array.offset < 0 || array.n_buffers < fewest) {
    FailMalformed("found " + std::to_string(array.n_buffers) + " buffers, " +
                  std::to_string(array.length) + " rows from " + std::to_string(array.offset) +
                  " on");
  }
}

// Nulls are texts without bytes.
void AppendValues(Layout layout, const ArrowArray& array, std::vector<std::string_view>* views) {
  CheckBuffers(array, 3);
  if (array.length == 0) return;
  switch (layout) {
    case Layout::kString:
      return AppendStrings<int32_t>(array, views);
    case Layout::kLargeString:
      return AppendStrings<int64_t>(array, views);
    case Layout::kStringView:
      return AppendStringViews(array, views);
  }
}

template <class Place>
void AppendPlaces(const ArrowArray& array, const std::vector<std::string_view>& values,
                  std::vector<std::string_view>* views) {
  const auto* places = static_cast<const Place*>(array.buffers[1]) + array.offset;
  const ArrowArray& dictionary = *array.dictionary;
  for (int64_t i = 0; i < array.length; ++i) {
    if (!std::in_range<size_t>(places[i]) || static_cast<size_t>(places[i]) >= values.size()) {
      FailMalformed("a place outside of the dictionary, at row " + std::to_string(i));
    }
    if (IsNull(dictionary, static_cast<int64_t>(places[i]))) FailNull(views->size());
    views->push_back(values[static_cast<size_t>(places[i])]);
  }
}

void AppendOfDictionary(ColumnType type, const ArrowArray& array,
                        std::vector<std::string_view>* views) {
  CheckBuffers(array, 2);
  if (array.dictionary == nullptr) FailMalformed("no dictionary");
  std::vector<std::string_view> values;
  AppendValues(type.layout, *array.dictionary, &values);
  CheckNoNull(array, views->size());
  switch (type.place) {
    case 'c':
      return AppendPlaces<int8_t>(array, values, views);
    case 'C':
      return AppendPlaces<uint8_t>(array, values, views);
    case 's':
      return AppendPlaces<int16_t>(array, values, views);
    case 'S':
      return AppendPlaces<uint16_t>(array, values, views);
    case 'i':
      return AppendPlaces<int32_t>(array, values, views);
    case 'I':
      return AppendPlaces<uint32_t>(array, values, views);
    case 'l':
      return AppendPlaces<int64_t>(array, values, views);
    default:
      return AppendPlaces<uint64_t>(array, values, views);
  }
}

void Append(ColumnType type, const ArrowArray& array, std::vector<std::string_view>* views) {
  if (type.place != 0) return AppendOfDictionary(type, array, views);
  CheckBuffers(array, 3);
  CheckNoNull(array, views->size());
  AppendValues(type.layout, array, views);
}

template <class Struct>
Struct* Pointer(nb::handle capsule, const char* name) {
  void* pointer = PyCapsule_GetPointer(capsule.ptr(), name);
  if (pointer == nullptr) throw nb::python_error();
  return static_cast<Struct*>(pointer);
}

// The arrays that a stream gave, until a Python object that holds them goes.
using Arrays = std::vector<Released<ArrowArray>>;

nb::object HolderOf(std::unique_ptr<Arrays> arrays) {
  return nb::capsule(arrays.release(), [](void* p) noexcept { delete static_cast<Arrays*>(p); });
}

nb::object ViewStream(nb::handle object, std::vector<std::string_view>* views) {
  const nb::object capsule = CallMethod(object, "__arrow_c_stream__");
  auto* stream = Pointer<ArrowArrayStream>(capsule, "arrow_array_stream");
  if (stream->release == nullptr) FailMalformed("the stream has been taken already");
  const auto fail = [&] {
    const char* message = stream->get_last_error(stream);
    throw nb::value_error(
        (std::string("Arrow stream: ") + (message == nullptr ? "it gave no data" : message))
            .c_str());
  };
  Released<ArrowSchema> schema;
  if (OrSleep([&] { return stream->get_schema(stream, schema.get()); }) != 0) fail();
  const ColumnType type = TypeOf(*schema.get());
  auto arrays = std::make_unique<Arrays>();
  for (;;) {
    Released<ArrowArray> array;
    if (OrSleep([&] { return stream->get_next(stream, array.get()); }) != 0) fail();
    if (array->release == nullptr) break;
    Append(type, *array.get(), views);
    arrays->push_back(std::move(array));
  }
  return HolderOf(std::move(arrays));
}

// Whether its class, or one that this is made of, is the package's.
bool IsOf(const char* package, nb::handle object) {
  for (const nb::handle base : nb::borrow<nb::tuple>(Attribute(object.type(), "__mro__"))) {
    if (!HasAttribute(base, "__module__")) continue;
    const nb::object module = Attribute(base, "__module__");
    if (nb::isinstance<nb::str>(module) && nb::cast<std::string>(module).rfind(package, 0) == 0) {
      return true;
    }
  }
  return false;
}

// A column or index of pandas, or an array in one, that can give a pyarrow array; else a null
// object.
nb::object ArrayOfPandas(nb::handle object) {
  if (!IsOf("pandas", object)) return {};
  const nb::object array =
      HasAttribute(object, "array") ? Attribute(object, "array") : nb::borrow(object);
  return HasAttribute(array, "__arrow_array__") ? array : nb::object();
}

// What has the texts: pandas is asked for the pyarrow array in it.
nb::object ArrowOf(nb::handle object) {
  const nb::object array = ArrayOfPandas(object);
  return array.is_valid() ? CallMethod(array, "__arrow_array__") : nb::borrow(object);
}

// pyarrow does not check what it reads from files, but can: in no time that depends on the rows. It
// knows the buffers' sizes, which the C interface does not give.
void Validate(nb::handle object) {
  if (IsOf("pyarrow", object) && HasAttribute(object, "validate")) CallMethod(object, "validate");
}

}  // namespace

bool IsArrow(nb::handle object) {
  return HasAttribute(object, "__arrow_c_stream__") || HasAttribute(object, "__arrow_c_array__") ||
         ArrayOfPandas(object).is_valid();
}

nb::object ViewArrowTexts(nb::handle column, std::vector<std::string_view>* views) {
  const nb::object object = ArrowOf(column);
  Validate(object);
  if (HasAttribute(object, "__arrow_c_stream__")) return ViewStream(object, views);
  const nb::object pair = CallMethod(object, "__arrow_c_array__");
  const nb::object schema = pair[0];
  const nb::object capsule = pair[1];
  const auto* type = Pointer<ArrowSchema>(schema, "arrow_schema");
  if (type->release == nullptr) FailMalformed("its type has been taken already");
  auto arrays = std::make_unique<Arrays>();
  arrays->emplace_back(Pointer<ArrowArray>(capsule, "arrow_array"));
  Append(TypeOf(*type), *arrays->back().get(), views);
  return HolderOf(std::move(arrays));
}

}  // namespace bge::python
