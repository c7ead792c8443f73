// What Embedder reads of a model's files before it loads weights, and ModelInput.
#include "bge/model_tokenizer.h"

#include "encoder/encoder.h"
#include "engine/loaded_transformer.h"
#include "engine/model_files.h"
#include "engine/model_input.h"
#include "engine/model_spec.h"
#include "engine/multi_vector_spec.h"
#include "engine/reranker_spec.h"
#include "hub/cache.h"
#include "tokenizer/load.h"

#include <optional>
#include <utility>

namespace bge {

namespace fs = std::filesystem;

namespace {

Tokenizer LoadTokenizerOf(const ModelSpec& spec, const WarningSink& on_warning) {
  return tokenizer::LoadTokenizer(
      spec.transformer_dir,
      {.lowercase_first = spec.do_lower_case,
       .on_warning = on_warning,
       .markers = spec.multi_vector ? spec.multi_vector->markers : std::vector<std::string>()});
}

std::optional<Tokenizer> LoadTokenizerOfQueries(const ModelSpec& spec,
                                                const WarningSink& on_warning) {
  if (!spec.sparse || !spec.sparse->queries || spec.is_static()) return std::nullopt;
  return tokenizer::LoadTokenizer(spec.sparse->queries->dir, {.on_warning = on_warning});
}

int64_t MaxTokensOf(const ModelSpec& spec) {
  return spec.is_static() ? kNoTokenLimit : MaxTokens(spec.config->root());
}

}  // namespace

Tokenizer LoadModelTokenizer(const std::string& model, const WarningSink& on_warning) {
  const fs::path dir = ResolveModel(model);
  ModelFiles files(dir);
  if (FindMultiVectorLayout(&files)) return LoadTokenizerOf(ReadModelSpec(dir, {}), on_warning);
  // Parity: without modules.json the other files of sentence-transformers are not read either.
  if (!files.Has("modules.json")) return tokenizer::LoadTokenizer(dir, {.on_warning = on_warning});
  if (DescribesReranker(dir)) {
    const RerankerSpec spec = ReadRerankerSpec(dir);
    return tokenizer::LoadTokenizer(
        spec.transformer_dir, {.lowercase_first = spec.do_lower_case, .on_warning = on_warning});
  }
  return LoadTokenizerOf(ReadModelSpec(dir, {}), on_warning);
}

class ModelTokenizer::Impl {
 public:
  Impl(ModelSpec spec, const EmbedderOptions& options)
      : spec_(std::move(spec)),
        tokenizer_(LoadTokenizerOf(spec_, options.on_warning)),
        queries_(LoadTokenizerOfQueries(spec_, options.on_warning)),
        typed_(PassesTypes(spec_.transformer_dir)),
        input_(spec_, tokenizer_, StaticTokenizer(), MaxTokensOf(spec_), options.max_length) {}

  TextTokenizer TokenizerFor(const EncodeOptions& options) const {
    TextTokenizer tokenizer = input_.TokenizerFor(options);
    if (!input_.IsStatic(options.role)) tokenizer.typed = typed_;
    return tokenizer;
  }
  const Tokenizer& tokenizer(Role role) const { return input_.TokenizerOf(role); }

 private:
  // Of texts that take no transformer; null: all take one.
  const Tokenizer* StaticTokenizer() const {
    return spec_.is_static() ? &tokenizer_ : queries_ ? &*queries_ : nullptr;
  }

  const ModelSpec spec_;
  const Tokenizer tokenizer_;
  const std::optional<Tokenizer> queries_;
  const bool typed_;
  const ModelInput input_;
};

ModelTokenizer ModelTokenizer::Load(const std::string& model, const EmbedderOptions& options) {
  // What it warns of is the pooling, which no token depends on.
  ModelSpec spec = ReadModelSpec(ResolveModel(model), {}, options.splade);
  return ModelTokenizer(std::make_unique<const Impl>(std::move(spec), options));
}

ModelTokenizer::ModelTokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ModelTokenizer::ModelTokenizer(ModelTokenizer&&) noexcept = default;
ModelTokenizer& ModelTokenizer::operator=(ModelTokenizer&&) noexcept = default;
ModelTokenizer::~ModelTokenizer() = default;

Encoding ModelTokenizer::Encode(std::string_view text, const EncodeOptions& options,
                                bool want_offsets) const {
  const TextTokenizer tokenizer = impl_->TokenizerFor(options);
  Encoding encoding;
  std::string scratch;
  EncodeText(tokenizer, tokenizer.Options(want_offsets), 0, text, &scratch, &encoding);
  return encoding;
}

int64_t ModelTokenizer::MaxLength(const EncodeOptions& options) const {
  return impl_->TokenizerFor(options).max_length;
}

const Tokenizer& ModelTokenizer::tokenizer(Role role) const { return impl_->tokenizer(role); }

}  // namespace bge
