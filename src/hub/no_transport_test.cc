// A build without libcurl finds what is in the cache, and says why it downloads nothing.
#include "bge/model_directory.h"

#include "hub/pull.h"
#include "tests/expect_error.h"
#include "tests/scoped_environment.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::hub {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(WithoutLibcurl, NothingIsDownloadedAndThatIsSaid) {
  test::ScopedEnvironment environment{"HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"};
  const test::TempDir cache;
  EXPECT_FALSE(CanDownload());
  environment.Set("HF_HUB_CACHE", cache.path().string());
  EXPECT_THAT(
      test::Thrown([] { return ResolveModel("a/b", true); }),
      AllOf(StartsWith("unsupported: this build of bge downloads nothing"), HasSubstr("BGE_HUB")));
  cache.Write("models--a--b/snapshots/x/config.json", "{}");
  cache.Write("models--a--b/refs/main", "x");
  EXPECT_EQ(ResolveModel("a/b", true), cache.path() / "models--a--b/snapshots/x");
}

}  // namespace
}  // namespace bge::hub
