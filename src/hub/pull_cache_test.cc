// What a pull makes of what is in the cache already: parts, damage, other programs' snapshots,
// names.
#include "hub/test_hub_pull.h"

#include <unistd.h>

namespace bge::hub {
namespace {

TEST_F(HubPull, WithoutLinksSnapshotsHoldCopies) {
  settings_.symlinks = false;
  const PullResult result = Run();
  for (const char* file : {"config.json", "model.safetensors"}) {
    EXPECT_FALSE(fs::is_symlink(result.snapshot / file));
  }
  ExpectWhole();
  EXPECT_EQ(Run().bytes, 0u);
}

TEST_F(HubPull, APartOfASnapshotIsCompleted) {
  // As Python leaves it: the reference first, and a link whose blob is gone.
  cache_.Write(kFolder + "/refs/main", kCommit);
  cache_.Write(kFolder + "/snapshots/" + kCommit + "/config.json", "{}");
  fs::create_symlink("../../blobs/gone", InRepo("snapshots/" + kCommit + "/model.safetensors"));
  EXPECT_FALSE(HasNeededFiles(InRepo("snapshots/" + kCommit)));
  const PullResult result = Run();
  EXPECT_EQ(result.bytes, weights_.size() + 8);
  ExpectWhole();
}

TEST_F(HubPull, ABlobOfAnotherLengthIsReplaced) {
  fs::create_directories(WeightsBlob().parent_path());
  std::ofstream(WeightsBlob(), std::ios::binary) << "damaged";
  Run();
  ExpectWhole();
}

TEST_F(HubPull, AFileOfAnotherLengthIsFetchedAgain) {
  Run();
  const fs::path weights = InRepo("snapshots/" + kCommit + "/model.safetensors");
  const fs::path config = InRepo("snapshots/" + kCommit + "/config.json");
  fs::resize_file(weights, 1000);
  fs::remove(config);  // as a file system without links has it
  std::ofstream(config, std::ios::binary) << "";
  std::vector<std::string> notes;
  PullOptions options;
  options.note = [&notes](std::string_view note) { notes.emplace_back(note); };
  EXPECT_EQ(Run(kRepo, options).bytes, weights_.size());  // the other's blob is there
  ExpectWhole();
  EXPECT_THAT(notes, testing::UnorderedElementsAre(
                         "model.safetensors: found 1000 bytes in the cache, expected 1000000: "
                         "downloading it again",
                         "config.json: found 0 bytes in the cache, expected 2: downloading it "
                         "again"));
  EXPECT_EQ(Run().bytes, 0u);
}

TEST_F(HubPull, DamageOfTheRightLengthIsFoundWhereItIsLookedFor) {
  for (const bool symlinks : {true, false}) {
    settings_.symlinks = symlinks;
    Run();
    const fs::path weights = InRepo("snapshots/" + kCommit + "/model.safetensors");
    std::string damaged = weights_;
    damaged[500'000] ^= 1;
    std::ofstream(weights, std::ios::binary) << damaged;  // where it is a link, into the blob
    EXPECT_EQ(Run().bytes, 0u);
    EXPECT_EQ(Content(weights), damaged);
    std::vector<std::string> notes;
    PullOptions options;
    options.verify = true;
    options.note = [&notes](std::string_view note) { notes.emplace_back(note); };
    const PullResult result = Run(kRepo, options);
    EXPECT_EQ(result.bytes, symlinks ? weights_.size() : 0);  // a copy's blob is whole
    EXPECT_EQ(result.damaged, 1);
    EXPECT_THAT(notes,
                testing::ElementsAre("model.safetensors: not what the hub has: replacing it"));
    ExpectWhole();
    EXPECT_EQ(Run(kRepo, options).damaged, 0);
    fs::remove_all(InRepo(""));
  }
}

TEST_F(HubPull, DamageThatCannotBeReplacedIsNoSuccess) {
  for (const bool symlinks : {true, false}) {
    settings_.symlinks = symlinks;
    Run();
    const fs::path snapshot = InRepo("snapshots/" + kCommit);
    std::string damaged = weights_;
    damaged[500'000] ^= 1;
    std::ofstream(snapshot / "model.safetensors", std::ios::binary) << damaged;
    fs::permissions(cache_.path(), fs::perms(0755));
    const fs::path closed = symlinks ? InRepo("blobs") : snapshot;
    fs::permissions(closed, fs::perms(0555));
    const bool is_root = ::geteuid() == 0;  // who may remove what he likes
    ASSERT_EQ(::seteuid(is_root ? 65534 : ::geteuid()), 0);
    PullOptions options;
    options.verify = true;
    const std::string error = test::Thrown([&] { return Run(kRepo, options); });
    ASSERT_EQ(::seteuid(is_root ? 0 : ::geteuid()), 0);
    fs::permissions(closed, fs::perms(0755));
    EXPECT_THAT(error, AllOf(StartsWith("io: a damaged file of the Hugging Face cache cannot be"),
                             HasSubstr(symlinks ? "/blobs/" : "/snapshots/")));
    fs::remove_all(InRepo(""));
  }
}

TEST_F(HubPull, AFolderInAFilesPlaceIsNoSuccess) {
  Run();
  const fs::path weights = InRepo("snapshots/" + kCommit + "/model.safetensors");
  fs::remove(weights);
  fs::create_directory(weights);
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: "), HasSubstr("/model.safetensors: ")));
}

TEST_F(HubPull, NothingIsVerifiedOffline) {
  Run();
  environment_.Set("HF_HUB_OFFLINE", "1");
  PullOptions options;
  options.verify = true;
  EXPECT_THAT(test::Thrown([&] { return Pull(*ParseModelName(kRepo), options); }),
              StartsWith("invalid_argument: a model cannot be compared with the hub's"));
}

// transformers' from_pretrained leaves configuration, tokenizer and weights; of modules.json
// neither the file nor a sign that there is none.
TEST_F(HubPull, WhatAnotherProgramHasNotAskedForIs) {
  server_.Add(kRepo, "modules.json", R"([{"path": ""}])");
  const std::string snapshot = kFolder + "/snapshots/" + kCommit;
  cache_.Write(kFolder + "/refs/main", kCommit);
  for (const char* file : {"config.json", "tokenizer.json"})
    cache_.Write(snapshot + "/" + file, "{}");
  cache_.Write(snapshot + "/model.safetensors", weights_);
  EXPECT_TRUE(HasNeededFiles(InRepo("snapshots/" + kCommit)));
  EXPECT_FALSE(IsWholeSnapshot(InRepo("snapshots/" + kCommit)));
  environment_.Set("HF_ENDPOINT", server_.endpoint());
  EXPECT_EQ(ResolveModel(kRepo, true), InRepo("snapshots/" + kCommit));
  EXPECT_EQ(Content(InRepo("snapshots/" + kCommit + "/modules.json")), R"([{"path": ""}])");
  EXPECT_TRUE(IsWholeSnapshot(InRepo("snapshots/" + kCommit)));
}

TEST_F(HubPull, ThatAModelHasNoModulesIsAskedOnce) {
  cache_.Write(kFolder + "/refs/main", kCommit);
  const std::string snapshot = kFolder + "/snapshots/" + kCommit;
  cache_.Write(snapshot + "/config.json", "{}");
  cache_.Write(snapshot + "/tokenizer.json", "{\"a\": 1}");
  cache_.Write(snapshot + "/model.safetensors", weights_);
  environment_.Set("HF_ENDPOINT", server_.endpoint());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ResolveModel(kRepo, true), InRepo("snapshots/" + kCommit));
  EXPECT_EQ(server_.requests().size(), 1u);
  EXPECT_TRUE(fs::is_regular_file(InRepo(".no_exist/" + kCommit + "/modules.json")));
  // A classifier has no use for it.
  fs::remove_all(InRepo(".no_exist"));
  cache_.Write(snapshot + "/config.json",
               R"({"architectures": ["BertForSequenceClassification"]})");
  EXPECT_EQ(ResolveModel(kRepo, true), InRepo("snapshots/" + kCommit));
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(HubPull, ANameThatCannotBeWrittenIsNoneOfAWholeModels) {
  Run(kRepo + "@" + kCommit);
  fs::create_directories(InRepo("refs/main/in-the-way"));
  std::vector<std::string> notes;
  PullOptions options;
  options.note = [&notes](std::string_view note) { notes.emplace_back(note); };
  EXPECT_EQ(Run(kRepo, options).snapshot, InRepo("snapshots/" + kCommit));
  EXPECT_THAT(notes, testing::ElementsAre(HasSubstr("refs/main")));
  fs::remove(WeightsBlob());
  EXPECT_THAT(Failure(), HasSubstr("refs/main"));
}

TEST_F(HubPull, CommitsAreNoReferences) {
  const PullResult result = Run(kRepo + "@" + kCommit);
  EXPECT_EQ(result.snapshot, InRepo("snapshots/" + kCommit));
  EXPECT_FALSE(fs::exists(InRepo("refs")));
  EXPECT_EQ(FindInCache({kRepo, kCommit}), result.snapshot);
  server_.SetHook([](const HubRequest& request) -> std::optional<HubReply> {
    if (!IsListing(request)) return std::nullopt;
    return HubReply{.body = "{\"sha\": \"" + std::string(40, 'e') + "\", \"siblings\": []}"};
  });
  EXPECT_THAT(Failure(kRepo + "@" + kCommit), StartsWith("corrupt_data: the hub answers with"));
}

TEST_F(HubPull, ABranchThatMovesGetsANewSnapshot) {
  cache_.Write(kFolder + "/refs/main", std::string(40, 'd'));
  cache_.Write(kFolder + "/snapshots/" + std::string(40, 'd') + "/config.json", "{}");
  Run();
  ExpectWhole();
  EXPECT_TRUE(fs::exists(InRepo("snapshots/" + std::string(40, 'd'))));
}

TEST_F(HubPull, ABrokenReferenceIsWrittenAnew) {
  for (const std::string& broken : {std::string(), std::string(5000, 'x'), std::string("../x")}) {
    cache_.Write(kFolder + "/refs/main", broken);
    Run();
    ExpectWhole();
  }
}

}  // namespace
}  // namespace bge::hub
