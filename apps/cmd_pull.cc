// bge pull: a model from the Hugging Face hub into the cache that Python uses.
#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/model_source.h"
#include "apps/output_stream.h"
#include "base/error.h"

#include <fmt/format.h>

#include <memory>

namespace bge::cli {
namespace {

struct PullFlags {
  std::string model;
  bool verify = false;
};

int RunPull(const PullFlags& flags, const RunContext& context) {
  const auto name = ParseModelName(flags.model);
  if (!name) {
    throw UsageError(
        fmt::format("not a model's name: {}: give one such as BAAI/bge-small-en-v1.5 or "
                    "BAAI/bge-m3@main",
                    Printable(flags.model)));
  }
  const auto output = OpenOutput("-");
  const hub::PullResult result = PullModel(*name, context, flags.verify);
  if (flags.verify) {
    const std::string files = WithSeparators(result.files);
    PrintNote(result.damaged == 0
                  ? fmt::format("{}: {} files, all as the hub has them", flags.model, files)
                  : fmt::format("{}: {} files as the hub has them, {} of them replaced",
                                flags.model, files, WithSeparators(result.damaged)));
  }
  output->Write(result.snapshot.string() + "\n");
  output->Commit();
  return 0;
}

}  // namespace

void SetUpPull(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<PullFlags>();
  AddName(app, "NAME", &flags->model,
          "Name of a model on the hub, with @REVISION a branch, tag or commit (default: main)")
      ->required();
  app.add_flag("--verify", flags->verify,
               "Hash what the cache has, and download again what is not what the hub has");
  app.footer(
      "Downloads what bge needs of the model into the Hugging Face cache, but for what is there, "
      "and\n"
      "prints the directory. Interrupted, it goes on where it ended when it is run again.\n"
      "\n"
      "Examples:\n"
      "  bge pull BAAI/bge-small-en-v1.5\n"
      "  bge pull BAAI/bge-m3@main\n"
      "  bge pull BAAI/bge-m3 --verify\n"
      "  HF_TOKEN=hf_... bge pull my-org/private-model");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return RunPull(*flags, context); };
  });
}

}  // namespace bge::cli
