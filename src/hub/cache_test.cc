// Names, the cache's layout, and the errors that say how to get a model.
#include "hub/cache.h"

#include "bge/model_directory.h"

#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kCommit = "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a";

// Sets the variables that choose the cache, and puts them back.
class HubCache : public testing::Test {
 protected:
  HubCache() {
    for (const char* name : kVariables) {
      const char* value = ::getenv(name);
      saved_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
      ::unsetenv(name);
    }
    ::setenv("HF_HUB_CACHE", temp_.path().c_str(), 1);
  }
  ~HubCache() override {
    for (const auto& [name, value] : saved_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  // A model as huggingface_hub leaves it.
  fs::path AddModel(const std::string& folder, const std::string& ref,
                    const std::string& commit = kCommit) {
    temp_.Write(fs::path(folder) / "refs" / ref, commit);
    return temp_.Write(fs::path(folder) / "snapshots" / commit / "config.json", "{}").parent_path();
  }

  static constexpr const char* kVariables[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME",
                                               "XDG_CACHE_HOME", "HOME"};
  test::TempDir temp_;
  std::vector<std::pair<std::string, std::optional<std::string>>> saved_;
};

TEST(ModelNames, AreParsed) {
  const std::array<const char*, 3> cases[] = {
      {"BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5", "main"},
      {"BAAI/bge-small-en-v1.5@main", "BAAI/bge-small-en-v1.5", "main"},
      {"bert-base-uncased", "bert-base-uncased", "main"},
      {"a/b@refs/pr/3", "a/b", "refs/pr/3"},
      {"a/b@v1.0_x", "a/b", "v1.0_x"},
      {"_x_/1", "_x_/1", "main"}};
  for (const auto& [text, repo, revision] : cases) {
    const auto name = ParseModelName(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->repo, repo);
    EXPECT_EQ(name->revision, revision);
  }
}

TEST(ModelNames, ThatCouldLeadOutAreRefused) {
  for (const std::string& text : {std::string(),
                                  std::string("/"),
                                  std::string("a/"),
                                  std::string("/a"),
                                  std::string("a//b"),
                                  std::string("a/b/c"),
                                  std::string(".."),
                                  std::string("../x"),
                                  std::string("a/.."),
                                  std::string("a/..b"),
                                  std::string("a..b/c"),
                                  std::string("a--b/c"),
                                  std::string(".a/b"),
                                  std::string("a/b."),
                                  std::string("-a/b"),
                                  std::string("a b/c"),
                                  std::string("a/b.git"),
                                  std::string("a\\b"),
                                  std::string("a/b@"),
                                  std::string("@main"),
                                  std::string("a/b@.."),
                                  std::string("a/b@../../x"),
                                  std::string("a/b@/etc"),
                                  std::string("a/b@x/"),
                                  std::string("a/b@x//y"),
                                  std::string("a/b@x/./y"),
                                  std::string("a/b@x@y"),
                                  std::string("a/b@x y"),
                                  std::string("a/b\0c", 5),
                                  std::string("a/b@x\0", 6),
                                  std::string("a/\xc3\xa9"),
                                  "a/" + std::string(96, 'b'),
                                  "a/b@" + std::string(256, 'c')}) {
    EXPECT_FALSE(ParseModelName(text)) << testing::PrintToString(text);
  }
}

TEST_F(HubCache, TheDirectoryIsChosenByVariablesInOrder) {
  ::setenv("HOME", "/h", 1);
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  ::setenv("HF_HOME", "/hf", 1);
  ::setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
  ::setenv("HF_HUB_CACHE", "/cache", 1);
  EXPECT_EQ(HubCacheDir(), "/cache");
  ::unsetenv("HF_HUB_CACHE");
  EXPECT_EQ(HubCacheDir(), "/old");
  ::setenv("HUGGINGFACE_HUB_CACHE", "", 1);  // empty is unset
  EXPECT_EQ(HubCacheDir(), "/hf/hub");
  ::setenv("BGE_EMPTY", "", 1);  // not so, as a part
  ::setenv("HF_HOME", "~/hf", 1);
  EXPECT_EQ(HubCacheDir(), "/h/hf/hub");
  for (const auto& [value, path] :
       std::map<std::string, std::string>{{"$HOME/hf", "/h/hf"},
                                          {"${HOME}/hf", "/h/hf"},
                                          {"/a/$HOME$HOME", "/a//h/h"},
                                          {"/a/$absent_x/b", "/a/$absent_x/b"},
                                          {"$BGE_EMPTY/a", "/a"},
                                          {"/${HOME/b$", "/${HOME/b$"},
                                          {"/$", "/$"}}) {
    ::setenv("HF_HOME", value.c_str(), 1);
    EXPECT_EQ(HubCacheDir(), path + "/hub") << value;
  }
  ::unsetenv("BGE_EMPTY");
  ::unsetenv("HF_HOME");
  EXPECT_EQ(HubCacheDir(), "/x/huggingface/hub");
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(HubCacheDir(), "/h/.cache/huggingface/hub");
  ::unsetenv("HOME");
  EXPECT_TRUE(HubCacheDir().is_absolute());
}

TEST_F(HubCache, NamesAreFoundByBranchTagAndCommit) {
  const fs::path snapshot = AddModel("models--BAAI--bge-small-en-v1.5", "main");
  temp_.Write("models--BAAI--bge-small-en-v1.5/refs/refs/pr/3", std::string(kCommit) + "\n");
  for (const std::string& name :
       {std::string("BAAI/bge-small-en-v1.5"), std::string("BAAI/bge-small-en-v1.5@main"),
        std::string("BAAI/bge-small-en-v1.5@refs/pr/3"),
        "BAAI/bge-small-en-v1.5@" + std::string(kCommit)}) {
    EXPECT_EQ(ResolveModel(name), snapshot) << name;
    EXPECT_EQ(FindInCache(*ParseModelName(name)), snapshot) << name;
  }
  EXPECT_EQ(RepoOfSnapshot(snapshot), "BAAI/bge-small-en-v1.5");
  // A commit counts whole, not by its beginning.
  EXPECT_FALSE(FindInCache({"BAAI/bge-small-en-v1.5", std::string(kCommit).substr(0, 8)}));
  EXPECT_FALSE(FindInCache({"BAAI/bge-small-en-v1.5", "absent"}));
  EXPECT_FALSE(FindInCache({"BAAI/other", "main"}));
  EXPECT_FALSE(FindInCache({"../x", "main"}));
  EXPECT_FALSE(FindInCache({"BAAI/bge-small-en-v1.5", "../../x"}));
}

TEST_F(HubCache, NamesWithoutAnOrganisationAreFoundAsThereOrAsSentenceTransformers) {
  const fs::path bert = AddModel("models--bert-base-uncased", "main");
  const fs::path minilm = AddModel("models--sentence-transformers--all-MiniLM-L6-v2", "main");
  EXPECT_EQ(ResolveModel("bert-base-uncased"), bert);
  EXPECT_EQ(RepoOfSnapshot(bert), "bert-base-uncased");
  EXPECT_EQ(ResolveModel("all-MiniLM-L6-v2"), minilm);
}

TEST_F(HubCache, AnAbsentNameSaysHowToGetIt) {
  EXPECT_THAT(
      test::Thrown([] { return ResolveModel("BAAI/bge-small-en-v1.5"); }),
      AllOf(StartsWith("not_found: model is not in the Hugging Face cache"),
            HasSubstr("no directory of this name"), HasSubstr(temp_.path().string()),
            HasSubstr("`hf download BAAI/bge-small-en-v1.5`"), HasSubstr("huggingface-cli")));
  AddModel("models--BAAI--bge-small-en-v1.5", "main");
  EXPECT_THAT(test::Thrown([] { return ResolveModel("BAAI/bge-small-en-v1.5@v9"); }),
              AllOf(StartsWith("not_found: revision is not in the Hugging Face cache"),
                    HasSubstr("hf download BAAI/bge-small-en-v1.5 --revision v9")));
}

TEST_F(HubCache, PathsAreNeverLookedUpAsNames) {
  const fs::path snapshot = AddModel("models--a--b", "main");
  EXPECT_EQ(ResolveModel(snapshot.string()), snapshot);
  for (const std::string& path :
       {std::string("./a/b"), std::string("../a"), std::string("/a/b"), std::string("~/a"),
        std::string("a/b/"), std::string("a/b/c"), temp_.path().string() + "/none"}) {
    EXPECT_THAT(test::Thrown([&] { return ResolveModel(path); }),
                StartsWith("not_found: no such model directory"))
        << path;
  }
  const fs::path file = temp_.Write("file", "x");
  EXPECT_THAT(test::Thrown([&] { return ResolveModel(file.string()); }),
              StartsWith("invalid_argument: model is not a directory"));
  for (const std::string& text : {std::string(), std::string("a b"), std::string("a\nb"),
                                  std::string("a--b/c"), std::string("x@")}) {
    const std::string message = test::Thrown([&] { return ResolveModel(text); });
    EXPECT_THAT(message, StartsWith("invalid_argument: "));
    EXPECT_TRUE(test::IsOneLine(message));
  }
}

TEST_F(HubCache, AnExistingDirectoryIsTakenBeforeAName) {
  AddModel("models--a--b", "main");
  fs::create_directories(temp_.path() / "here/a/b");
  const fs::path before = fs::current_path();
  fs::current_path(temp_.path() / "here");
  const fs::path found = ResolveModel("a/b");
  fs::current_path(before);
  EXPECT_EQ(found, "a/b");
}

TEST_F(HubCache, TheDirectoryOfAModelIsItselfOrItsNames) {
  const fs::path snapshot = AddModel("models--a--b", "main");
  EXPECT_EQ(ModelDirectory("a/b"), snapshot);
  EXPECT_EQ(ModelDirectory("a/b@main", true), snapshot);
  EXPECT_EQ(ModelDirectory(snapshot.string(), true), snapshot);
  EXPECT_THAT(test::Thrown([] { return ModelDirectory("a/c"); }), StartsWith("not_found"));
}

TEST_F(HubCache, AnotherFolderIsLookedInInstead) {
  const test::TempDir other;
  AddModel("models--a--b", "main");
  const ModelSource source = {.cache_dir = other.path().string()};
  EXPECT_THAT(test::Thrown([&] { return ModelDirectory("a/b", source); }),
              AllOf(StartsWith("not_found: model is not in"), HasSubstr(other.path().string())));
  const fs::path snapshot = other.path() / "models--a--b/snapshots" / kCommit;
  fs::create_directories(snapshot);
  other.Write("models--a--b/refs/v2", kCommit);
  EXPECT_EQ(ModelDirectory("a/b@v2", source), snapshot);
  EXPECT_THAT(test::Thrown([&] { return ModelDirectory("a/b", source); }),
              AllOf(StartsWith("not_found: revision is not in"),
                    HasSubstr((other.path() / "models--a--b").string())));
  EXPECT_EQ(ModelDirectory(snapshot.string(), source), snapshot);
}

TEST_F(HubCache, BrokenReferencesAreErrors) {
  const ModelName name = {"a/b", "main"};
  AddModel("models--a--b", "main");
  for (const std::string& ref :
       {std::string(), std::string("../../x"), std::string("a/b"), std::string("x\ny"),
        std::string("\0", 1), std::string(400, 'a')}) {
    temp_.Write("models--a--b/refs/main", ref);
    EXPECT_THAT(test::Thrown([&] { return FindInCache(name); }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("refs/main")))
        << testing::PrintToString(ref);
  }
  temp_.Write("models--a--b/refs/main", "0123456789");  // a commit that was deleted
  EXPECT_FALSE(FindInCache(name));
}

TEST_F(HubCache, SnapshotsAreRecognisedHoweverThePathIsWritten) {
  const fs::path snapshot = AddModel("models--BAAI--bge-m3", "main");
  EXPECT_EQ(RepoOfSnapshot(snapshot / ""), "BAAI/bge-m3");
  EXPECT_EQ(RepoOfSnapshot(snapshot / "." / ".." / kCommit), "BAAI/bge-m3");
  fs::create_directory_symlink(snapshot, temp_.path() / "link");
  EXPECT_EQ(RepoOfSnapshot(temp_.path() / "link"), "BAAI/bge-m3");
  const fs::path before = fs::current_path();
  fs::current_path(snapshot);
  EXPECT_EQ(RepoOfSnapshot("."), "BAAI/bge-m3");
  fs::current_path(before);
  for (const char* other :
       {"/", "", "/models--a--b", "/models--a--b/snapshots", "/models--/snapshots/x",
        "/models--a--b--c/snapshots/x", "/a/snapshots/x", "/models--a--../snapshots/x"}) {
    EXPECT_EQ(RepoOfSnapshot(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace bge
