// bge index build | add | delete | compact: what writes an index.
#ifndef BGE_APPS_INDEX_CHANGES_H_
#define BGE_APPS_INDEX_CHANGES_H_

#include "apps/commands.h"

namespace bge::cli {

// Each describes its options and sets *action, as Command::set_up does.
void SetUpIndexBuild(CLI::App& app, Action* action);
void SetUpIndexAdd(CLI::App& app, Action* action);
void SetUpIndexDelete(CLI::App& app, Action* action);
void SetUpIndexCompact(CLI::App& app, Action* action);

}  // namespace bge::cli

#endif  // BGE_APPS_INDEX_CHANGES_H_
