#include "weights/torch_pickle.h"

#include "base/error.h"

#include <fmt/format.h>

#include <array>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace bge {

namespace {

// Storage classes of torch, and the dtypes of their elements.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kStorages = {{
    {"torch.FloatStorage", "F32"},
    {"torch.HalfStorage", "F16"},
    {"torch.BFloat16Storage", "BF16"},
    {"torch.DoubleStorage", "F64"},
    {"torch.LongStorage", "I64"},
    {"torch.IntStorage", "I32"},
    {"torch.ShortStorage", "I16"},
    {"torch.CharStorage", "I8"},
    {"torch.ByteStorage", "U8"},
    {"torch.BoolStorage", "BOOL"},
}};
constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

// No state_dict comes near these; what a few bytes can refer to again and again is bounded by them.
constexpr size_t kMostValues = 2'000'000;
constexpr size_t kMostTensors = 200'000;
constexpr size_t kMostDims = 64;
constexpr size_t kMostNameBytes = 4096;
constexpr size_t kMostCopied = 64 << 20;  // names and shapes of all tensors

enum class Kind { kNone, kNumber, kText, kTuple, kList, kDict, kGlobal, kStorage, kTensor };

// Values live in one array and refer to each other by their places in it, so that nothing is deep:
// a hostile pickle can nest as it likes.
using Ref = uint32_t;

struct Value {
  Kind kind = Kind::kNone;
  int64_t number = 0;                  // kNumber: an integer or truth value; other numbers are 0
  std::string_view text = {};          // kText, kGlobal ("module.name"), kStorage (its key)
  std::vector<Ref> items = {};         // kTuple, kList; kDict: key, value, key, value ...
  const StoredDType* dtype = nullptr;  // kStorage
  uint32_t tensor = 0;                 // kTensor: place in tensors_
};

class Machine {
 public:
  Machine(std::span<const std::byte> pickle, const std::string& where)
      : bytes_(reinterpret_cast<const char*>(pickle.data()), pickle.size()), where_(where) {}

  std::vector<PickledTensor> Run() {
    while (Step()) {
    }
    const Value& root = values_[Pop()];
    if (root.kind != Kind::kDict) {
      Fail(ErrorCode::kUnsupported, "the file holds no dict of tensors", where_,
           "save model.state_dict() with torch.save, or convert it to safetensors");
    }
    std::vector<PickledTensor> result;
    size_t copied = 0;
    if (root.items.size() / 2 > kMostTensors) Corrupt("more entries than any model has tensors");
    for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
      const Value& key = values_[root.items[i]];
      const Value& value = values_[root.items[i + 1]];
      if (key.kind != Kind::kText || value.kind != Kind::kTensor) continue;
      CheckName(key.text);
      const PickledTensor& described = tensors_[value.tensor];
      copied += key.text.size() + described.storage.size() + 16 * described.dims.size();
      if (copied > kMostCopied) Corrupt("tensors that take more than any model's");
      PickledTensor tensor = described;
      tensor.name = key.text;
      result.push_back(std::move(tensor));
    }
    return result;
  }

 private:
  [[noreturn]] void Corrupt(std::string_view what) const {
    Fail(ErrorCode::kCorruptData, "damaged pickle",
         fmt::format("{}: byte {}: {}", where_, at_, what), "download the file again");
  }
  [[noreturn]] void Refuse(std::string_view what, std::string_view found) const {
    Fail(ErrorCode::kUnsupported, what,
         fmt::format("{}: byte {}: found {}; nothing was executed", where_, at_,
                     Printable(found, 80)),
         "use the safetensors file of the model, or save its state_dict with torch.save");
  }

  // The operands of an opcode.
  std::string_view Take(uint64_t size) {
    if (size > bytes_.size() - at_) Corrupt("it ends in the middle of a value");
    const std::string_view part = bytes_.substr(at_, size);
    at_ += size;
    return part;
  }
  uint64_t TakeNumber(size_t size) {
    const std::string_view part = Take(size);
    uint64_t value = 0;
    for (size_t i = part.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(part[i]);
    return value;
  }
  std::string_view TakeLine() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) Corrupt("a line without an end");
    const std::string_view line = Take(end - at_);
    Take(1);
    return line;
  }

  // The stack.
  Ref Add(Value value) {
    if (values_.size() >= kMostValues) Corrupt("more values than any model needs");
    values_.push_back(std::move(value));
    return static_cast<Ref>(values_.size() - 1);
  }
  void Push(Ref ref) { stack_.push_back(ref); }
  void PushNew(Value value) { Push(Add(std::move(value))); }
  void PushNumber(int64_t number) { PushNew({.kind = Kind::kNumber, .number = number}); }
  void PushText(std::string_view text) { PushNew({.kind = Kind::kText, .text = text}); }
  size_t Bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  Ref Pop() {
    if (stack_.size() <= Bottom()) Corrupt("it takes more than there is");
    const Ref ref = stack_.back();
    stack_.pop_back();
    return ref;
  }
  Ref Top() const {
    if (stack_.size() <= Bottom()) Corrupt("it takes more than there is");
    return stack_.back();
  }
  // What lies above the last mark, which goes with it.
  std::vector<Ref> PopMark() {
    if (marks_.empty()) Corrupt("an end without a mark");
    std::vector<Ref> items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void PushTuple(size_t size) {
    std::vector<Ref> items(size);
    for (size_t i = size; i-- > 0;) items[i] = Pop();
    PushNew({.kind = Kind::kTuple, .items = std::move(items)});
  }
  void PushGlobal(std::string_view module, std::string_view name) {
    names_.push_back(fmt::format("{}.{}", module, name));
    if (!IsKnown(names_.back()))
      Refuse("the pickle names something that is not torch's", names_.back());
    PushNew({.kind = Kind::kGlobal, .text = names_.back()});
  }
  static const StoredDType* StorageDType(std::string_view global) {
    for (const auto& [name, dtype] : kStorages) {
      if (name == global) return FindStoredDType(dtype);
    }
    return nullptr;
  }
  static bool IsKnown(std::string_view global) {
    return global == kOrderedDict || global == kRebuildTensor || global == kRebuildParameter ||
           StorageDType(global) != nullptr;
  }

  // The memo.
  void Store(uint64_t index) {
    const Ref ref = Top();
    constexpr uint64_t kMostMemo = 1 << 24;
    if (index >= kMostMemo) Corrupt("a memo index that no file of this size needs");
    if (index >= memo_.size()) memo_.resize(index + 1, kUnset);
    memo_[index] = ref;
  }
  void Load(uint64_t index) {
    if (index >= memo_.size() || memo_[index] == kUnset) Corrupt("a memo entry that is not there");
    Push(memo_[index]);
  }

  Value& DictOnTop() {
    Value& dict = values_[Top()];
    if (dict.kind != Kind::kDict) Corrupt("an item set in something that is no dict");
    return dict;
  }
  Value& ListOnTop() {
    Value& list = values_[Top()];
    if (list.kind != Kind::kList) Corrupt("an item appended to something that is no list");
    return list;
  }

  // ('storage', class, key, location, number of elements)
  void PersistentId() {
    const Value& id = values_[Pop()];
    if (id.kind != Kind::kTuple || id.items.size() < 3) Refuse("unknown persistent id", "no tuple");
    const Value& what = values_[id.items[0]];
    const Value& type = values_[id.items[1]];
    const Value& key = values_[id.items[2]];
    if (what.kind != Kind::kText || what.text != "storage" || type.kind != Kind::kGlobal ||
        key.kind != Kind::kText || StorageDType(type.text) == nullptr) {
      Refuse("unknown persistent id", what.kind == Kind::kText ? what.text : "no name");
    }
    PushNew({.kind = Kind::kStorage, .text = key.text, .dtype = StorageDType(type.text)});
  }

  void Call() {
    const Ref arguments_ref = Pop();
    const Ref function_ref = Pop();
    const Value& function = values_[function_ref];
    const Value& arguments = values_[arguments_ref];
    if (function.kind != Kind::kGlobal || arguments.kind != Kind::kTuple) {
      Corrupt("a call of something that is no function");
    }
    const std::vector<Ref>& items = arguments.items;
    if (function.text == kOrderedDict && items.empty()) return PushNew({.kind = Kind::kDict});
    if (function.text == kRebuildTensor && items.size() >= 4) return PushTensor(items);
    if (function.text == kRebuildParameter && !items.empty() &&
        values_[items[0]].kind == Kind::kTensor) {
      return Push(items[0]);
    }
    Refuse("a call with arguments that torch does not write", function.text);
  }

  void CheckName(std::string_view name) const {
    if (name.size() > kMostNameBytes) Corrupt("a name of more than 4096 bytes");
  }

  std::vector<int64_t> Numbers(const Value& tuple) const {
    std::vector<int64_t> numbers;
    if (tuple.kind != Kind::kTuple) Corrupt("a shape that is no tuple");
    if (tuple.items.size() > kMostDims) Corrupt("a shape of more than 64 dimensions");
    for (const Ref item : tuple.items) {
      if (values_[item].kind != Kind::kNumber || values_[item].number < 0) {
        Corrupt("a shape with something that is no size");
      }
      numbers.push_back(values_[item].number);
    }
    return numbers;
  }

  // (storage, offset, size, stride, ...)
  void PushTensor(const std::vector<Ref>& items) {
    const Value& storage = values_[items[0]];
    const Value& offset = values_[items[1]];
    if (storage.kind != Kind::kStorage) Corrupt("a tensor without a storage");
    if (offset.kind != Kind::kNumber || offset.number < 0) Corrupt("a tensor without an offset");
    if (tensors_.size() >= kMostTensors) Corrupt("more tensors than any model has");
    CheckName(storage.text);
    PickledTensor tensor;
    tensor.storage = storage.text;
    tensor.dtype = storage.dtype;
    tensor.storage_offset = static_cast<uint64_t>(offset.number);
    tensor.dims = Numbers(values_[items[2]]);
    tensor.strides = Numbers(values_[items[3]]);
    if (tensor.dims.size() != tensor.strides.size()) Corrupt("a tensor with too few strides");
    tensors_.push_back(std::move(tensor));
    PushNew({.kind = Kind::kTensor, .tensor = static_cast<uint32_t>(tensors_.size() - 1)});
  }

  // One opcode; false at the end.
  bool Step() {
    const auto opcode = static_cast<unsigned char>(Take(1)[0]);
    switch (opcode) {
      case '.':  // STOP
        return false;
      case 0x80:  // PROTO
        if (TakeNumber(1) > 5) Corrupt("a protocol that does not exist");
        break;
      case 0x95:  // FRAME
        Take(8);
        break;
      case '(':  // MARK
        marks_.push_back(stack_.size());
        break;
      case '0':  // POP
        Pop();
        break;
      case 'N':  // NONE
        PushNew({});
        break;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        PushNumber(opcode == 0x88 ? 1 : 0);
        break;
      case 'J':  // BININT
        PushNumber(static_cast<int32_t>(TakeNumber(4)));
        break;
      case 'K':  // BININT1
        PushNumber(static_cast<int64_t>(TakeNumber(1)));
        break;
      case 'M':  // BININT2
        PushNumber(static_cast<int64_t>(TakeNumber(2)));
        break;
      case 0x8a: {  // LONG1
        const uint64_t size = TakeNumber(1);
        if (size > 8) Corrupt("an integer of more than 64 bits");
        const uint64_t bits = TakeNumber(size);
        const auto shift = static_cast<int>(64 - 8 * size);
        PushNumber(size == 0 ? 0 : static_cast<int64_t>(bits << shift) >> shift);
        break;
      }
      case 'G':  // BINFLOAT
        Take(8);
        PushNumber(0);
        break;
      case 'X':  // BINUNICODE
        PushText(Take(TakeNumber(4)));
        break;
      case 0x8c:  // SHORT_BINUNICODE
      case 'U':   // SHORT_BINSTRING
        PushText(Take(TakeNumber(1)));
        break;
      case 'T':  // BINSTRING
        PushText(Take(TakeNumber(4)));
        break;
      case ')':  // EMPTY_TUPLE
        PushTuple(0);
        break;
      case 0x85:  // TUPLE1, TUPLE2, TUPLE3
      case 0x86:
      case 0x87:
        PushTuple(opcode - 0x84u);
        break;
      case 't':  // TUPLE
        PushNew({.kind = Kind::kTuple, .items = PopMark()});
        break;
      case ']':  // EMPTY_LIST
        PushNew({.kind = Kind::kList});
        break;
      case 'a': {  // APPEND
        const Ref item = Pop();
        ListOnTop().items.push_back(item);
        break;
      }
      case 'e': {  // APPENDS
        const std::vector<Ref> items = PopMark();
        Value& list = ListOnTop();
        list.items.insert(list.items.end(), items.begin(), items.end());
        break;
      }
      case '}':  // EMPTY_DICT
        PushNew({.kind = Kind::kDict});
        break;
      case 's': {  // SETITEM
        const Ref value = Pop();
        const Ref key = Pop();
        Value& dict = DictOnTop();
        dict.items.insert(dict.items.end(), {key, value});
        break;
      }
      case 'u': {  // SETITEMS
        const std::vector<Ref> items = PopMark();
        if (items.size() % 2 != 0) Corrupt("a key without a value");
        Value& dict = DictOnTop();
        dict.items.insert(dict.items.end(), items.begin(), items.end());
        break;
      }
      case 'c': {  // GLOBAL
        const std::string_view module = TakeLine();
        PushGlobal(module, TakeLine());
        break;
      }
      case 0x93: {  // STACK_GLOBAL
        const Ref name = Pop();
        const Ref module = Pop();
        if (values_[name].kind != Kind::kText || values_[module].kind != Kind::kText) {
          Corrupt("a name that is no text");
        }
        PushGlobal(values_[module].text, values_[name].text);
        break;
      }
      case 'Q':  // BINPERSID
        PersistentId();
        break;
      case 'R':  // REDUCE
        Call();
        break;
      case 'b':  // BUILD: attributes of a dict, such as _metadata, are left out
        Pop();
        if (values_[Top()].kind != Kind::kDict) Refuse("an object with a state", "no dict");
        break;
      case 'q':  // BINPUT
        Store(TakeNumber(1));
        break;
      case 'r':  // LONG_BINPUT
        Store(TakeNumber(4));
        break;
      case 0x94:  // MEMOIZE
        Store(memo_.size());
        break;
      case 'h':  // BINGET
        Load(TakeNumber(1));
        break;
      case 'j':  // LONG_BINGET
        Load(TakeNumber(4));
        break;
      default:
        Refuse("an opcode that no dict of tensors needs", fmt::format("0x{:02x}", opcode));
    }
    return true;
  }

  static constexpr Ref kUnset = std::numeric_limits<Ref>::max();

  const std::string_view bytes_;
  const std::string& where_;
  size_t at_ = 0;
  std::vector<Value> values_;
  std::vector<Ref> stack_;
  std::vector<size_t> marks_;
  std::vector<Ref> memo_;
  std::deque<std::string> names_;  // of globals; their values view them
  std::vector<PickledTensor> tensors_;
};

}  // namespace

std::vector<PickledTensor> ReadTorchPickle(std::span<const std::byte> pickle,
                                           const std::string& where) {
  return Machine(pickle, where).Run();
}

}  // namespace bge
