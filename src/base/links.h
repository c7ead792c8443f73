// Links in model directories: a stranger's may lead to files that are nobody's business.
#ifndef BGE_BASE_LINKS_H_
#define BGE_BASE_LINKS_H_

#include <filesystem>

namespace bge {

/// Error(kInvalidArgument) where a link in `dir` or in the folders below it leads to something that
/// exists outside of it; a link of a snapshot in the Hugging Face cache may lead anywhere in the
/// folder of its model, where the blobs are. `dir` itself may be a link. Also where there are more
/// than 10,000 entries or eight levels of folders: that is no model. $BGE_FOLLOW_LINKS=1 allows
/// all.
void RefuseLinksOutside(const std::filesystem::path& dir);

}  // namespace bge

#endif  // BGE_BASE_LINKS_H_
