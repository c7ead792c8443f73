// docs/models.md says in words which file decides.
#include "engine/model_input.h"

#include "base/error.h"
#include "engine/model_files.h"
#include "engine/special_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace bge {

namespace {

// Most tokens that a query is filled up to: ModernBERT states a length that no weight bears out.
constexpr int64_t kMostFilled = 32768;
// An error's list of names is one line that a person reads.
constexpr size_t kMostNames = 20;
constexpr size_t kMostNameBytes = 60;

// Parity: sentence-transformers pads with the tokenizer, and then it is the padding that counts.
void RequirePaddingOnTheRight(const std::filesystem::path& dir) {
  ModelFiles files(dir);
  const auto document = files.Find("tokenizer_config.json");
  const auto side = document ? document->root().FindNonNull("padding_side") : std::nullopt;
  if (!side || side->AsString() != "left") return;
  Fail(ErrorCode::kUnsupported, "queries would be filled up in front",
       side->Where() + ": found \"left\", expected \"right\"", "use another model");
}

// "query, document, and 7 more"
std::string NamesOf(const std::map<std::string, std::string>& prompts) {
  std::string names;
  size_t count = 0;
  for (const auto& [name, text] : prompts) {
    if (++count > kMostNames)
      return fmt::format("{}, and {} more", names, prompts.size() + 1 - count);
    names += (names.empty() ? "" : ", ") + Printable(name, kMostNameBytes);
  }
  return names;
}

}  // namespace

ModelInput::ModelInput(const ModelSpec& spec, const Tokenizer& tokenizer, const Tokenizer* queries,
                       int64_t longest, std::optional<int64_t> max_length)
    : spec_(spec), tokenizer_(tokenizer), queries_(queries), longest_(longest) {
  SetMaxLength(max_length);
  if (!spec_.multi_vector) return;
  SetExpansion();
  SetRoleLengths(max_length.has_value());
}

int64_t ModelInput::Shortest() const {
  return spec_.is_static() ? 1 : std::max<int64_t>(1, tokenizer_.num_special_tokens());
}

void ModelInput::SetMaxLength(std::optional<int64_t> callers) {
  max_length_ = std::min(spec_.max_length, longest_);
  max_length_source_ = spec_.max_length_source;
  if (max_length_ < tokenizer_.num_special_tokens() && !spec_.is_static()) {
    Fail(ErrorCode::kCorruptData, "maximum length does not hold the special tokens",
         fmt::format("{}: {}: found {}, expected at least {}", spec_.dir.string(),
                     max_length_source_, max_length_, tokenizer_.num_special_tokens()),
         "repair the file or download it again");
  }
  if (spec_.sparse && spec_.sparse->queries) static_length_ = spec_.sparse->queries->max_length;
  if (!callers) return;
  max_length_ = CheckedLength(*callers);
  max_length_source_ = "the caller's option";
  static_length_ =
      spec_.is_static() ? max_length_ : std::min(static_length_.value_or(max_length_), max_length_);
}

// The token that queries are filled up with.
void ModelInput::SetExpansion() {
  const auto& expansion = spec_.multi_vector->expansion;
  if (!expansion) return;
  RequirePaddingOnTheRight(spec_.transformer_dir);
  const std::string& own = expansion->token;
  expansion_token_ = own.empty() ? MaskToken(spec_.transformer_dir, tokenizer_).value_or("") : own;
  const auto id = tokenizer_.TokenToId(expansion_token_);
  if (!id) {
    Fail(ErrorCode::kCorruptData, "no token to fill up queries with",
         spec_.dir.string() + ": query expansion: found " +
             (own.empty() ? "neither a mask token nor an eos token"
                          : "\"" + Printable(own, 60) + "\", which is no token"),
         "use the tokenizer that belongs to the model");
  }
  expansion_ = TextTokenizer::Filling{.token = *id, .length = expansion->length};
}

// The role's own, where the model states one and the caller does not.
ModelInput::Length ModelInput::LengthOf(const RoleLength& role, bool callers) const {
  if (!role.tokens || callers) return {max_length_, max_length_source_};
  if (*role.tokens < Shortest()) {
    Fail(ErrorCode::kCorruptData, "maximum length does not hold the special tokens",
         fmt::format("{}: {}: found {}, expected at least {}", spec_.dir.string(), role.source,
                     *role.tokens, Shortest()),
         "repair the file or download it again");
  }
  return {std::min(*role.tokens, longest_), role.source};
}

void ModelInput::SetRoleLengths(bool callers) {
  const MultiVectorSpec& spec = *spec_.multi_vector;
  query_ = LengthOf(spec.query, callers);
  document_ = LengthOf(spec.document, callers);
  if (!spec.expansion) return;
  const int64_t length = spec.expansion->length;
  const int64_t most = std::min(longest_, kMostFilled);
  if (length < Shortest() || length > most) {
    Fail(ErrorCode::kCorruptData, "queries are filled up to an impossible length",
         fmt::format("{}: query expansion: found {} tokens, expected {} to {}", spec_.dir.string(),
                     length, Shortest(), most),
         "repair the file or download it again");
  }
  if (spec.expansion->fixed) {
    query_ = {length, "query expansion"};
  } else {
    query_.tokens = std::max(query_.tokens, callers ? length : int64_t{0});
  }
}

// A caller's.
int64_t ModelInput::CheckedLength(int64_t length) const {
  if (length < Shortest() || length > longest_) {
    const std::string expected = longest_ == kNoTokenLimit
                                     ? fmt::format("at least {}", Shortest())
                                     : fmt::format("{} to {}", Shortest(), longest_);
    Fail(ErrorCode::kInvalidArgument, "max_length out of range",
         fmt::format("found {}, expected {} for {}", length, expected, spec_.name),
         "give a length within that range");
  }
  return length;
}

int64_t ModelInput::MaxLengthFor(const EncodeOptions& options) const {
  const bool is_asked = options.max_length.has_value();
  const int64_t asked = is_asked ? CheckedLength(*options.max_length) : 0;
  if (!spec_.multi_vector || options.role == Role::kNone) return is_asked ? asked : max_length_;
  if (options.role == Role::kDocument) return is_asked ? asked : document_.tokens;
  if (!is_asked) return query_.tokens;
  // Parity: what queries are filled up to is no less, and of the fixed kind no other.
  const auto& expansion = spec_.multi_vector->expansion;
  if (!expansion) return asked;
  return expansion->fixed ? query_.tokens : std::max(asked, expansion->length);
}

std::string_view ModelInput::PromptNamed(const std::string& name) const {
  const auto it = spec_.prompts.find(name);
  if (it != spec_.prompts.end()) return it->second;
  Fail(ErrorCode::kInvalidArgument,
       "unknown prompt name \"" + Printable(name, kMostNameBytes) + "\"", spec_.name,
       spec_.prompts.empty() ? "the model has no prompts: give the text itself (--instruction)"
                             : "give one of: " + NamesOf(spec_.prompts));
}

// sentence-transformers' precedence: explicit text, explicit name, the role's, the default prompt.
std::string_view ModelInput::PromptFor(const EncodeOptions& options) const {
  if (options.instruction && options.prompt_name) {
    Fail(ErrorCode::kInvalidArgument, "both an instruction and a prompt name", "the encode options",
         "give one of them");
  }
  if (options.instruction) return *options.instruction;
  if (options.prompt_name) return PromptNamed(*options.prompt_name);
  switch (options.role) {
    case Role::kQuery:
      return spec_.query_instruction;
    case Role::kDocument:
      return spec_.document_instruction;
    case Role::kNone:
      break;
  }
  return spec_.default_prompt_name.empty() ? std::string_view()
                                           : PromptNamed(spec_.default_prompt_name);
}

bool ModelInput::IsStatic(Role role) const {
  if (queries_ == nullptr) return false;
  if (spec_.is_static()) return true;
  if (role != Role::kNone) return role == Role::kQuery;
  const auto route = spec_.sparse->default_route;
  if (!route) {
    Fail(ErrorCode::kInvalidArgument, "neither queries nor documents",
         spec_.name + ": its router has a route for each, and none for other texts",
         "say which the texts are (--query, --passage, EncodeOptions::role)");
  }
  return *route == Role::kQuery;
}

TextTokenizer ModelInput::TokenizerFor(const EncodeOptions& options) const {
  const int64_t max_length = MaxLengthFor(options);
  const std::string_view prompt = PromptFor(options);
  if (!IsStatic(options.role)) {
    return {.tokenizer = tokenizer_,
            .prompt = prompt,
            .max_length = max_length,
            .stop = options.stop,
            .hash = {},
            .encode = {},
            .filling = options.role == Role::kQuery ? expansion_ : std::nullopt};
  }
  return {.tokenizer = *queries_,
          .prompt = prompt,
          .max_length = spec_.is_static() ? max_length
                                          : std::min(static_length_.value_or(kNoTokenLimit),
                                                     options.max_length.value_or(kNoTokenLimit)),
          .stop = options.stop,
          .hash = {},
          .encode = {},
          .filling = {},
          .add_special_tokens = false,
          .typed = false};
}

}  // namespace bge
