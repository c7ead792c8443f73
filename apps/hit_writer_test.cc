// What search results look like in each format, byte by byte.
#include "apps/hit_writer.h"

#include "apps/commands.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::HasSubstr;

class MemoryOutput : public OutputStream {
 public:
  explicit MemoryOutput(std::string* content, bool terminal = false)
      : content_(content), terminal_(terminal) {}
  void Write(std::string_view bytes) override { content_->append(bytes); }
  void WriteAt(uint64_t, std::string_view) override {}
  bool seekable() const override { return false; }
  bool is_terminal() const override { return terminal_; }
  void Flush() override {}
  void Commit() override { content_->append("<committed>"); }
  const std::string& name() const override { return name_; }

 private:
  std::string* content_;
  bool terminal_;
  std::string name_ = "memory";
};

struct Query {
  std::string id;
  std::string text;
  std::vector<Hit> hits;
};

std::string Written(const HitWriterOptions& options, const std::vector<Query>& queries) {
  std::string content;
  const auto writer = MakeHitWriter(options, std::make_unique<MemoryOutput>(&content));
  for (const Query& q : queries) writer->Write(q.id, q.text, q.hits);
  writer->Finish();
  return content;
}

const std::vector<Query> kTwo = {
    {"q1", "who?", {{7, 0.75f, "d7", "first\n\ttext"}, {0, -0.5f, "d0", "\"second\""}}},
    {"q2", "what?", {}}};

TEST(HitWriter, TrecRunIsWhatTrecEvalReads) {
  EXPECT_EQ(Written({.format = HitFormat::kTrec, .tag = "mine"}, kTwo),
            "q1 Q0 d7 1 0.75 mine\nq1 Q0 d0 2 -0.5 mine\n<committed>");
}

TEST(HitWriter, TrecScoresTellNeighbouringFloatsApart) {
  const float a = 0.1f;
  const float b = std::nextafter(a, 1.0f);
  const std::string run =
      Written({.format = HitFormat::kTrec}, {{"q", "", {{0, b, "b", ""}, {1, a, "a", ""}}}});
  const size_t line = run.find('\n') + 1;
  const float first = std::stof(run.substr(std::string("q Q0 b 1 ").size()));
  const float second = std::stof(run.substr(line + std::string("q Q0 a 2 ").size()));
  EXPECT_EQ(first, b);
  EXPECT_EQ(second, a);
}

TEST(HitWriter, TrecRunRefusesIdsThatItCannotHold) {
  for (const std::string id : {"", "a b", "a\tb", "\n", "a\v"}) {
    const std::string error = test::Thrown([&] {
      return Written({.format = HitFormat::kTrec}, {{"q", "", {{0, 1.0f, id, ""}}}});
    });
    EXPECT_THAT(error, HasSubstr("an id cannot stand in a TREC run: document id '")) << id;
    EXPECT_TRUE(test::IsOneLine(error));
  }
  EXPECT_THAT(test::Thrown([] {
                return Written({.format = HitFormat::kTrec}, {{"a query", "", {}}});
              }),
              HasSubstr("query id 'a query'"));
}

TEST(HitWriter, TrecRunRefusesAQueryIdThatIsThereTwice) {
  const std::string error = test::Thrown([] {
    return Written({.format = HitFormat::kTrec}, {{"q", "a", {}}, {"r", "b", {}}, {"q", "c", {}}});
  });
  EXPECT_THAT(error, HasSubstr("a query id is there twice: query id 'q'"));
  EXPECT_TRUE(test::IsOneLine(error));
}

TEST(HitWriter, JsonlIsAnObjectAQuery) {
  EXPECT_EQ(Written({.format = HitFormat::kJsonl}, kTwo),
            "{\"query_id\":\"q1\",\"query\":\"who?\",\"hits\":["
            "{\"_id\":\"d7\",\"score\":0.75,\"text\":\"first\\n\\ttext\"},"
            "{\"_id\":\"d0\",\"score\":-0.5,\"text\":\"\\\"second\\\"\"}]}\n"
            "{\"query_id\":\"q2\",\"query\":\"what?\",\"hits\":[]}\n<committed>");
  EXPECT_EQ(Written({.format = HitFormat::kJsonl, .with_text = false}, kTwo),
            "{\"query_id\":\"q1\",\"query\":\"who?\",\"hits\":["
            "{\"_id\":\"d7\",\"score\":0.75},{\"_id\":\"d0\",\"score\":-0.5}]}\n"
            "{\"query_id\":\"q2\",\"query\":\"what?\",\"hits\":[]}\n<committed>");
}

TEST(HitWriter, TextIsALineAHit) {
  EXPECT_EQ(Written({}, {kTwo[0]}),
            "  1   0.7500  d7  first text\n  2  -0.5000  d0  \"second\"\n<committed>");
  EXPECT_EQ(Written({.with_query = true}, kTwo),
            "who?\n  1   0.7500  d7  first text\n  2  -0.5000  d0  \"second\"\n"
            "\nwhat?\nno results\n<committed>");
}

TEST(HitWriter, TextKeepsToOneLineAndSendsNothingToTheTerminal) {
  const std::string text = "\x1b[31mred\x1b[0m\r\n" + std::string(5000, 'x');
  const std::string id = std::string(100, 'i') + "\x1b]0;title\x07";
  const std::string lines = Written({.line_width = 80}, {{"q", "", {{0, 1.0f, id, text}}}});
  EXPECT_EQ(lines.find('\x1b'), std::string::npos);
  EXPECT_EQ(lines.find('\n'), lines.size() - std::string("\n<committed>").size());
  EXPECT_LT(lines.size(), 120u);
  EXPECT_THAT(lines, HasSubstr("\\x1b[31mred"));
}

TEST(HitWriter, TextIsCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "水";
  const std::string lines = Written({.line_width = 60}, {{"q", "", {{0, 1.0f, "d", text}}}});
  EXPECT_EQ(lines.find("\\x"), std::string::npos) << lines;
  EXPECT_THAT(lines, HasSubstr("水...\n"));
}

TEST(ChooseHitFormat, GoesByExtensionAndTerminal) {
  std::string ignored;
  const MemoryOutput pipe(&ignored);
  const MemoryOutput terminal(&ignored, true);
  EXPECT_EQ(ChooseHitFormat("", terminal), HitFormat::kText);
  EXPECT_EQ(ChooseHitFormat("-", pipe), HitFormat::kJsonl);
  EXPECT_EQ(ChooseHitFormat("a/b.run", pipe), HitFormat::kTrec);
  EXPECT_EQ(ChooseHitFormat("b.trec", pipe), HitFormat::kTrec);
  EXPECT_EQ(ChooseHitFormat("b.jsonl", pipe), HitFormat::kJsonl);
  EXPECT_EQ(ChooseHitFormat("b.txt", pipe), HitFormat::kText);
  EXPECT_THROW(ChooseHitFormat("b.npy", pipe), UsageError);
  EXPECT_EQ(ParseHitFormat("trec"), HitFormat::kTrec);
  EXPECT_EQ(ParseHitFormat("npy"), std::nullopt);
}

}  // namespace
}  // namespace bge::cli
