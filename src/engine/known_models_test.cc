// The table of known models, and by what a directory is recognised.
#include "engine/known_models.h"

#include "base/file.h"
#include "engine/model_spec.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace bge {
namespace {

using test::ModelDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kBgeEnglish =
    "Represent this sentence for searching relevant passages: ";

// A plain directory whose config.json is of a row's architecture.
class PlainDir : public ModelDir {
 public:
  explicit PlainDir(std::string_view more = "", int64_t hidden_size = 384,
                    std::string_view model_type = "bert") {
    Remove("modules.json");
    Write("config.json", R"({"model_type":")" + std::string(model_type) + R"(","hidden_size":)" +
                             std::to_string(hidden_size) + R"(,"max_position_embeddings":512)" +
                             std::string(more) + "}");
  }
  ModelSpec Read() {
    warnings.clear();
    return ReadModelSpec(path(), [&](std::string_view w) { warnings.emplace_back(w); });
  }
  std::vector<std::string> warnings;
};

TEST(KnownModels, RowsAreConsistent) {
  std::set<std::string_view> repos;
  for (const KnownModel& model : KnownModels()) {
    EXPECT_TRUE(repos.insert(model.repo).second) << model.repo;
    EXPECT_EQ(FindKnownModel(model.repo), &model) << model.repo;
    EXPECT_GT(model.max_length, 0);
    EXPECT_GT(model.hidden_size, 0);
    EXPECT_EQ(model.QueryPrefix().find("{}"), std::string::npos) << model.repo;
    if (model.repo.starts_with("BAAI/")) {
      EXPECT_EQ(model.pooling, Pooling::kCls) << model.repo;
    }
  }
}

TEST(KnownModels, AreAllInTheDocumentation) {
  const std::string page =
      ReadFile(std::filesystem::path(BGE_TEST_DATA_DIR) / "../../docs/models.md", 1 << 20);
  for (const KnownModel& model : KnownModels()) {
    // The row: the line that names the model, with its pooling.
    const size_t name = page.find("`" + std::string(model.repo) + "`");
    ASSERT_NE(name, std::string::npos) << model.repo;
    const size_t begin = page.rfind('\n', name) + 1;
    const std::string row = page.substr(begin, page.find('\n', name) - begin);
    EXPECT_THAT(row, HasSubstr(model.pooling == Pooling::kCls ? "| cls |" : "| mean |"));
    EXPECT_THAT(row, HasSubstr("| " + std::to_string(model.max_length) + " |"));
    EXPECT_THAT(page, HasSubstr(std::string(model.query_instruction)));
    EXPECT_THAT(page, HasSubstr(std::string(model.document_instruction)));
  }
}

TEST(KnownModels, FormatsPutTheInstructionBeforeTheQuery) {
  EXPECT_EQ(FindKnownModel("BAAI/bge-small-en-v1.5")->QueryPrefix(), kBgeEnglish);
  EXPECT_EQ(FindKnownModel("intfloat/e5-base-v2")->QueryPrefix(), "query: ");
  EXPECT_EQ(FindKnownModel("BAAI/bge-m3")->QueryPrefix(), "");
  EXPECT_EQ(FindKnownModel("intfloat/multilingual-e5-large-instruct")->QueryPrefix(),
            "Instruct: Given a web search query, retrieve relevant passages that answer the "
            "query\nQuery: ");
}

TEST(KnownModels, NamesAreFoundInManySpellings) {
  const KnownModel* const model = FindKnownModel("BAAI/bge-small-en");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->repo, "BAAI/bge-small-en");
  for (const char* name :
       {"bge-small-en", "baai/BGE-Small-EN", "somebody/bge-small-en", "./bge-small-en/",
        "/home/u/.cache/torch/sentence_transformers/BAAI_bge-small-en/", "BAAI--bge-small-en",
        "BAAI__bge-small-en", "C:\\models\\bge-small-en", "/out/bge-small-en/checkpoint-500",
        "/out/bge-small-en/checkpoint-500/checkpoint-7/",
        "/c/hub/models--BAAI--bge-small-en/snapshots/0123abc",
        "models--BAAI--bge-small-en/"
        "snapshots/0123abc/"}) {
    EXPECT_EQ(FindKnownModel(name), model) << name;
  }
  for (const char* name : {"", "/", "bge", "bge-small-en-finetuned", "my-bge-small-en",
                           "bge-small-en/other", "checkpoint-500", "bge-small-en/checkpoint-",
                           "bge-small-en/checkpoint-5a", "snapshots/x"}) {
    EXPECT_EQ(FindKnownModel(name), nullptr) << name;
  }
}

TEST(Recognition, ByTheHubCache) {
  PlainDir dir;
  dir.MoveTo(
      "hub/models--BAAI--bge-small-en-v1.5/snapshots/5c38ec7c405ec4b44b94cc5a9bb96e735b38267a");
  const ModelSpec spec = dir.Read();
  EXPECT_TRUE(spec.known);
  EXPECT_EQ(spec.name, "BAAI/bge-small-en-v1.5");
  const auto& pooling = std::get<PoolingModule>(spec.modules.at(0));
  EXPECT_THAT(pooling.modes, ElementsAre(Pooling::kCls));
  EXPECT_EQ(pooling.source, "known model BAAI/bge-small-en-v1.5 (by its place in the hub cache)");
  EXPECT_EQ(spec.query_instruction, kBgeEnglish);
  EXPECT_EQ(spec.instruction_source, pooling.source);
  EXPECT_THAT(dir.warnings, IsEmpty());
}

TEST(Recognition, ByTheHubCacheThroughALink) {
  PlainDir dir;
  dir.MoveTo("hub/models--BAAI--bge-small-en-v1.5/snapshots/abc");
  const test::TempDir elsewhere;
  std::filesystem::create_directory_symlink(dir.path(), elsewhere.path() / "link");
  EXPECT_EQ(ReadModelSpec(elsewhere.path() / "link", nullptr).name, "BAAI/bge-small-en-v1.5");
}

TEST(Recognition, AMirrorKeepsItsOwnName) {
  PlainDir dir;
  dir.MoveTo("hub/models--somebody--bge-small-en-v1.5/snapshots/abc");
  const ModelSpec spec = dir.Read();
  EXPECT_TRUE(spec.known);
  EXPECT_EQ(spec.name, "somebody/bge-small-en-v1.5");
  EXPECT_EQ(spec.query_instruction, kBgeEnglish);
}

TEST(Recognition, ByTheFolderName) {
  for (const char* folder : {"bge-small-en", "x/BAAI_bge-small-en", "BAAI/bge-small-en",
                             "bge-small-en/checkpoint-500"}) {
    PlainDir dir;
    dir.MoveTo(folder);
    const ModelSpec spec = dir.Read();
    EXPECT_EQ(spec.name, "BAAI/bge-small-en") << folder;
    EXPECT_THAT(std::get<PoolingModule>(spec.modules.at(0)).source, HasSubstr("its folder name"));
    EXPECT_THAT(dir.warnings, IsEmpty());
  }
}

TEST(Recognition, ByNameOrPathInConfigJson) {
  for (const char* text :
       {"BAAI/bge-small-en-v1.5", "/home/u/.cache/torch/sentence_transformers/BAAI_bge-small-en/",
        "./bge-small-en/checkpoint-100"}) {
    PlainDir dir(std::string(R"(,"_name_or_path":")") + text + "\"");
    const ModelSpec spec = dir.Read();
    EXPECT_TRUE(spec.known) << text;
    EXPECT_THAT(spec.name, HasSubstr("BAAI/bge-small-en"));
    EXPECT_THAT(std::get<PoolingModule>(spec.modules.at(0)).modes, ElementsAre(Pooling::kCls));
    EXPECT_THAT(spec.instruction_source, HasSubstr("config.json _name_or_path"));
  }
}

TEST(Recognition, ByTheReadme) {
  PlainDir dir;
  dir.Write("README.md",
            "---\ntags:\n- mteb\nmodel-index:\n- name: bge-small-en-v1.5\n  results:\n"
            "  - task:\n      type: Classification\n  - name: not-this\n---\n# BGE\n");
  EXPECT_EQ(dir.Read().name, "BAAI/bge-small-en-v1.5");
  for (const char* readme :
       {"---\nbase_model: BAAI/bge-small-en\n---\n", "---\nbase_model:\n- BAAI/bge-small-en\n---\n",
        "---\r\nbase_model: \"BAAI/bge-small-en\"\r\n---\r\n",
        "---\nlicense: mit\nbase_model: 'BAAI/bge-small-en'\n"}) {
    dir.Write("README.md", readme);
    EXPECT_EQ(dir.Read().name, "BAAI/bge-small-en") << readme;
  }
}

TEST(Recognition, OtherReadmesDoNotCount) {
  PlainDir dir;
  for (const char* readme :
       {"", "---", "---\n", "# bge-small-en\n", "text\n---\nbase_model: BAAI/bge-small-en\n---\n",
        "---\n---\nbase_model: BAAI/bge-small-en\n", "---\nother:\n- BAAI/bge-small-en\n---\n",
        "---\nbase_model:\n---\n", "---\n- \n:\n::\n\xff\xfe\n---\n",
        "---\nmodel-index:\n- name:\n"}) {
    dir.Write("README.md", readme);
    const ModelSpec spec = dir.Read();
    EXPECT_FALSE(spec.known) << readme;
    EXPECT_EQ(spec.name, "model");
  }
  dir.Remove("README.md");
  dir.Write("README.md/file", "a folder of that name");
  EXPECT_FALSE(dir.Read().known);
}

TEST(Recognition, AFolderOfThatNameWithAnotherModelInsideIsNotIt) {
  PlainDir narrow("", 768);
  narrow.MoveTo("bge-small-en-v1.5");
  EXPECT_FALSE(narrow.Read().known);
  PlainDir other("", 384, "distilbert");
  other.MoveTo("bge-small-en-v1.5");
  EXPECT_FALSE(other.Read().known);
  EXPECT_EQ(other.Read().name, "bge-small-en-v1.5");
}

TEST(Recognition, LayersAndVocabularyMustBeTheRowsToo) {
  const std::pair<const char*, bool> cases[] = {
      {R"(,"num_hidden_layers":12,"vocab_size":30522)", true},
      {R"(,"num_hidden_layers":6,"vocab_size":30522,
           "_name_or_path":"nreimers/MiniLM-L6-H384-uncased")",
       false},
      {R"(,"num_hidden_layers":12,"vocab_size":30530)", true},
      {R"(,"num_hidden_layers":12,"vocab_size":21128)", false},
      {R"(,"num_hidden_layers":12,"vocab_size":119547)", false},
      {R"(,"num_hidden_layers":"12")", false},
      {R"(,"num_hidden_layers":null)", false}};
  for (const auto& [more, known] : cases) {
    PlainDir dir(more);
    dir.MoveTo("bge-small-en-v1.5");
    EXPECT_EQ(dir.Read().known, known) << more;
  }
}

TEST(Recognition, AFolderNameGivesWayToAModelOfAnotherPooling) {
  PlainDir e5(R"(,"_name_or_path":"intfloat/e5-small-v2")");
  e5.MoveTo("bge-small-en-v1.5");
  const ModelSpec spec = e5.Read();
  EXPECT_EQ(spec.name, "intfloat/e5-small-v2");
  EXPECT_EQ(spec.query_instruction, "query: ");
  EXPECT_THAT(e5.warnings,
              ElementsAre(AllOf(HasSubstr("BAAI/bge-small-en-v1.5"), HasSubstr("_name_or_path"),
                                HasSubstr("intfloat/e5-small-v2"))));
  // What a model was trained from does not contradict its name.
  PlainDir trained(R"(,"_name_or_path":"BAAI/bge-base-en")", 768);
  trained.MoveTo("llm-embedder");
  EXPECT_EQ(trained.Read().name, "BAAI/llm-embedder");
  EXPECT_THAT(trained.warnings, IsEmpty());
}

// Another model of the same shape in a folder of a BGE model's name.
TEST(Recognition, AFolderNameGivesWayToAModelThatIsNotInTheTable) {
  for (const char* more : {R"(,"_name_or_path":"microsoft/MiniLM-L12-H384-uncased")",
                           R"(,"_name_or_path":"nreimers/MiniLM-L6-H384-uncased")",
                           R"(,"_name_or_path":"sentence-transformers/all-MiniLM-L12-v2")",
                           R"(,"_name_or_path":"bert-base-uncased")"}) {
    PlainDir dir(std::string(R"(,"num_hidden_layers":12,"vocab_size":30522)") + more);
    dir.MoveTo("bge-small-en-v1.5");
    const ModelSpec spec = dir.Read();
    EXPECT_FALSE(spec.known) << more;
    EXPECT_EQ(spec.name, "bge-small-en-v1.5");
    EXPECT_THAT(std::get<PoolingModule>(spec.modules.at(0)).modes, ElementsAre(Pooling::kMean));
    EXPECT_EQ(spec.query_instruction, "");
    EXPECT_THAT(dir.warnings,
                ElementsAre(AllOf(HasSubstr("the folder's name says BAAI/bge-small-en-v1.5"),
                                  HasSubstr("_name_or_path"), HasSubstr("an unknown model")),
                            HasSubstr("assuming mean pooling")));
  }
  PlainDir readme;
  readme.MoveTo("bge-small-en-v1.5");
  readme.Write("README.md", "---\nbase_model: microsoft/MiniLM-L12-H384-uncased\n---\n");
  EXPECT_FALSE(readme.Read().known);
  EXPECT_THAT(readme.warnings.at(0), HasSubstr("README.md base_model"));
}

TEST(Recognition, PathsThatAModelWasTrainedFromSayNothing) {
  for (const char* text :
       {"", "tmp/", "./out", "/data/models/x", "C:\\\\models\\\\x", "out/checkpoint-7", "a/b/c",
        "model", "checkpoint-500", "BAAI/bge-small-en"}) {
    PlainDir dir(std::string(R"(,"_name_or_path":")") + text + "\"");
    dir.MoveTo("bge-small-en-v1.5");
    EXPECT_EQ(dir.Read().name, "BAAI/bge-small-en-v1.5") << text;
    EXPECT_THAT(dir.warnings, IsEmpty()) << text;
  }
  // A row of mean pooling, which is what would be assumed.
  PlainDir e5(R"(,"_name_or_path":"microsoft/MiniLM-L12-H384-uncased")");
  e5.MoveTo("e5-small");
  EXPECT_EQ(e5.Read().query_instruction, "query: ");
  EXPECT_THAT(e5.warnings, IsEmpty());
  // And the hub cache knows better than the model's history.
  PlainDir cached(R"(,"_name_or_path":"microsoft/MiniLM-L12-H384-uncased")");
  cached.MoveTo("hub/models--BAAI--bge-small-en-v1.5/snapshots/abc");
  EXPECT_EQ(cached.Read().name, "BAAI/bge-small-en-v1.5");
  EXPECT_THAT(cached.warnings, IsEmpty());
}

TEST(Recognition, ArchitecturesMustBeOfTheRowsFamily) {
  const std::pair<const char*, bool> cases[] = {{R"(["BertModel"])", true},
                                                {R"(["BertForMaskedLM"])", true},
                                                {"[]", true},
                                                {"null", true},
                                                {R"(["NomicBertModel"])", false},
                                                {R"(["MPNetModel"])", false}};
  for (const auto& [architectures, known] : cases) {
    PlainDir dir(std::string(R"(,"architectures":)") + architectures);
    dir.MoveTo("bge-small-en-v1.5");
    EXPECT_EQ(dir.Read().known, known) << architectures;
  }
}

// config.json as it is published, v1.5 with the name of v1.
TEST(Recognition, PublishedConfigsAreRecognised) {
  struct Published {
    const char* name;
    const char* config;
    int64_t hidden_size;
  };
  // As in the files that users download, but for the folders of the authors' machine.
  const Published models[] = {{"bge-small-en-v1.5",
                               R"(,"_name_or_path":"sentence_transformers/BAAI_bge-small-en/",
           "architectures":["BertModel"],"id2label":{"0":"LABEL_0"},"num_hidden_layers":12,
           "vocab_size":30522)",
                               384},
                              {"bge-large-zh-v1.5",
                               R"(,"_name_or_path":"sentence_transformers/BAAI_bge-large-zh/",
           "architectures":["BertModel"],"id2label":{"0":"LABEL_0"},"num_hidden_layers":24,
           "vocab_size":21128)",
                               1024}};
  for (const auto& [name, config, hidden_size] : models) {
    const std::string repo = std::string("BAAI/") + name;
    for (const std::string& folder :
         {std::string(name), "BAAI_" + std::string(name),
          "hub/models--BAAI--" + std::string(name) + "/snapshots/abc", std::string("elsewhere")}) {
      PlainDir dir(config, hidden_size);
      dir.MoveTo(folder);
      const ModelSpec spec = dir.Read();
      // By the path in _name_or_path it is v1, whose pooling and instruction are the same.
      EXPECT_EQ(spec.name, folder == "elsewhere" ? repo.substr(0, repo.size() - 5) : repo);
      EXPECT_THAT(std::get<PoolingModule>(spec.modules.at(0)).modes, ElementsAre(Pooling::kCls));
      EXPECT_EQ(spec.query_instruction, FindKnownModel(repo)->query_instruction);
      EXPECT_THAT(dir.warnings, IsEmpty());
    }
  }
}

TEST(Recognition, ModernBertsAreOfTheirFamily) {
  PlainDir dir(R"(,"architectures":["ModernBertForMaskedLM"])", 768, "modernbert");
  dir.MoveTo("modernbert-embed-base");
  const ModelSpec spec = dir.Read();
  EXPECT_EQ(spec.name, "nomic-ai/modernbert-embed-base");
  EXPECT_THAT(std::get<PoolingModule>(spec.modules.at(0)).modes, ElementsAre(Pooling::kMean));
  EXPECT_EQ(spec.query_instruction, "search_query: ");
  EXPECT_EQ(spec.document_instruction, "search_document: ");
  PlainDir other(R"(,"architectures":["BertModel"])", 768, "modernbert");
  other.MoveTo("gte-modernbert-base");
  EXPECT_FALSE(other.Read().known);
}

TEST(Recognition, AnUnknownModelIsMeanPooledWithOneWarning) {
  PlainDir dir(R"(,"architectures":["BertModel"])");
  const ModelSpec spec = dir.Read();
  EXPECT_FALSE(spec.known);
  EXPECT_THAT(std::get<PoolingModule>(spec.modules.at(0)).modes, ElementsAre(Pooling::kMean));
  EXPECT_EQ(std::get<PoolingModule>(spec.modules.at(0)).source, "default");
  EXPECT_THAT(spec.module_names, ElementsAre("Transformer", "Pooling"));
  EXPECT_THAT(dir.warnings,
              ElementsAre(AllOf(HasSubstr(dir.path().string()), HasSubstr("assuming mean pooling"),
                                HasSubstr("--pooling"))));
  EXPECT_EQ(spec.query_instruction, "");
  EXPECT_EQ(spec.instruction_source, "");
}

TEST(Recognition, CausalModelsArePooledAtTheLastToken) {
  PlainDir dir(R"(,"architectures":["SomethingForCausalLM"])");
  EXPECT_THAT(std::get<PoolingModule>(dir.Read().modules.at(0)).modes,
              ElementsAre(Pooling::kLastToken));
}

TEST(Recognition, TheTablesLengthCountsWhereNoFileSaysOne) {
  PlainDir dir("", 1024, "xlm-roberta");
  dir.Write("config.json", R"({"model_type":"xlm-roberta","hidden_size":1024,
                               "max_position_embeddings":20002,"_name_or_path":"BAAI/bge-m3"})");
  EXPECT_EQ(dir.Read().max_length, 8192);
  EXPECT_EQ(dir.Read().max_length_source, "known model BAAI/bge-m3");
  dir.Write("tokenizer_config.json", R"({"model_max_length":16384})");
  EXPECT_EQ(dir.Read().max_length, 16384);
}

}  // namespace
}  // namespace bge
