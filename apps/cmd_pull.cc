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

int RunPull(const std::string& model, const RunContext& context) {
  const auto name = ParseModelName(model);
  if (!name) {
    throw UsageError(
        fmt::format("not a model's name: {}: give one such as BAAI/bge-small-en-v1.5 or "
                    "BAAI/bge-m3@main",
                    Printable(model)));
  }
  const auto output = OpenOutput("-");
  output->Write(PullModel(*name, context).snapshot.string() + "\n");
  output->Commit();
  return 0;
}

}  // namespace

void SetUpPull(CLI::App& app, Action* action) {
  const auto model = std::make_shared<std::string>();
  AddName(app, "NAME", model.get(),
          "Name of a model on the hub, with @REVISION a branch, tag or commit (default: main)")
      ->required();
  app.footer(
      "Downloads what bge needs of the model into the Hugging Face cache, but for what is there, "
      "and\n"
      "prints the directory. Interrupted, it goes on where it ended when it is run again.\n"
      "\n"
      "Examples:\n"
      "  bge pull BAAI/bge-small-en-v1.5\n"
      "  bge pull BAAI/bge-m3@main\n"
      "  HF_TOKEN=hf_... bge pull my-org/private-model");
  app.callback([model, action] {
    *action = [model](const RunContext& context) { return RunPull(*model, context); };
  });
}

}  // namespace bge::cli
