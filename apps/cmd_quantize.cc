// bge quantize: a model directory whose weights take less space.
#include "bge/quantize.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/model_source.h"
#include "base/error.h"

#include <fmt/format.h>

#include <memory>

namespace bge::cli {
namespace {

struct QuantizeFlags {
  std::string model;
  std::string out;
  std::string dtype = "int8";
};

std::string Megabytes(uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

int RunQuantize(const QuantizeFlags& flags, const RunContext& context) {
  if (flags.out == "-") {
    throw UsageError("no output stream: OUT: a model is a directory: give the name of one");
  }
  QuantizeOptions options;
  options.type = flags.dtype == "int8"   ? WeightType::kInt8
                 : flags.dtype == "bf16" ? WeightType::kBFloat16
                 : flags.dtype == "f16"  ? WeightType::kFloat16
                                         : WeightType::kFloat32;
  options.stop = context.stop;
  const QuantizeStats stats = Quantize(ModelDirectory(flags.model, context), flags.out, options);
  PrintNote(fmt::format("{}: {} matrices as {}, {} of weights instead of {}, {} files",
                        Printable(flags.out, 1000), WithSeparators(stats.matrices), flags.dtype,
                        Megabytes(stats.bytes_after), Megabytes(stats.bytes_before),
                        WithSeparators(stats.files)));
  return 0;
}

}  // namespace

void SetUpQuantize(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<QuantizeFlags>();
  AddName(app, "MODEL", &flags->model, "Model directory, or a name on the Hugging Face hub")
      ->required();
  AddName(app, "OUT", &flags->out, "Directory to write: a new one, or an empty one")->required();
  app.add_option("--dtype", flags->dtype,
                 "What matrices are stored as: int8 (a quarter of float32), bf16, f16 (half), f32")
      ->type_name("TYPE")
      ->capture_default_str()
      ->check(CLI::IsMember({"int8", "bf16", "f16", "f32"}));
  app.footer(
      "Writes a model directory that loads wherever MODEL did, with its other files copied.\n"
      "\n"
      "Examples:\n"
      "  bge quantize BAAI/bge-small-en-v1.5 ./bge-small-int8\n"
      "  bge embed --model ./bge-small-int8 \"a text\"\n"
      "  bge quantize ./my-model ./my-model-bf16 --dtype bf16");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return RunQuantize(*flags, context); };
  });
}

}  // namespace bge::cli
