// The readers, fed through pipes and small buffers, so that every boundary falls everywhere.
#include "apps/text_reader.h"

#include "apps/commands.h"
#include "apps/record_readers.h"
#include "apps/text_batches.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::unique_ptr<ByteSource> SourceOf(std::string_view content, size_t buffer_bytes) {
  const test::MemoryFile file;
  const auto path = file.Write(content);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  return std::make_unique<ByteSource>(fd, true, "test.txt", -1, buffer_bytes);
}

std::vector<TextRecord> ReadAll(std::string_view content, TextReaderOptions options,
                                size_t buffer_bytes = 4096) {
  const auto reader = MakeTextReader(SourceOf(content, buffer_bytes), options);
  std::vector<TextRecord> records;
  TextRecord record;
  while (reader->Next(&record)) records.push_back(record);
  EXPECT_EQ(reader->bytes_read(), content.size());
  return records;
}

std::vector<std::string> Texts(std::string_view content, const TextReaderOptions& options,
                               size_t buffer_bytes = 4096) {
  std::vector<std::string> texts;
  for (const TextRecord& record : ReadAll(content, options, buffer_bytes)) {
    texts.push_back(record.text);
  }
  return texts;
}

TextReaderOptions Format(TextFormat format) {
  TextReaderOptions options;
  options.format = format;
  return options;
}

TextReaderOptions Field(TextFormat format, std::string field) {
  TextReaderOptions options = Format(format);
  options.field = std::move(field);
  return options;
}

TextReaderOptions Pair(TextFormat format) {
  TextReaderOptions options = Format(format);
  options.pair = true;
  return options;
}

std::string FailureOf(std::string_view content, const TextReaderOptions& options) {
  return test::Thrown([&] { return Texts(content, options); });
}

// ---- lines

TEST(LinesReader, TakesEveryLineAsAText) {
  EXPECT_THAT(Texts("a\n\nb c \n", Format(TextFormat::kLines)), ElementsAre("a", "", "b c "));
  EXPECT_THAT(Texts("a\nb", Format(TextFormat::kLines)), ElementsAre("a", "b"));
  EXPECT_THAT(Texts("", Format(TextFormat::kLines)), IsEmpty());
  EXPECT_THAT(Texts("\n", Format(TextFormat::kLines)), ElementsAre(""));
}

TEST(LinesReader, AcceptsCarriageReturns) {
  EXPECT_THAT(Texts("a\r\n\r\nb\r", Format(TextFormat::kLines)), ElementsAre("a", "", "b"));
  EXPECT_THAT(Texts("a\rb\r\r\n", Format(TextFormat::kLines)), ElementsAre("a\rb\r"));
}

TEST(LinesReader, KeepsBytesThatAreNotUtf8) {
  const std::string_view broken("\xFF\x00\xC3\n\xED\xA0\x80", 7);
  EXPECT_THAT(Texts(broken, Format(TextFormat::kLines)),
              ElementsAre(std::string("\xFF\x00\xC3", 3), "\xED\xA0\x80"));
}

TEST(LinesReader, DropsAByteOrderMarkAtTheBeginningOnly) {
  EXPECT_THAT(Texts("\xEF\xBB\xBF"
                    "a\n\xEF\xBB\xBF"
                    "b",
                    Format(TextFormat::kLines)),
              ElementsAre("a",
                          "\xEF\xBB\xBF"
                          "b"));
  EXPECT_THAT(Texts("\xEF\xBB", Format(TextFormat::kLines), 1), ElementsAre("\xEF\xBB"));
  EXPECT_THAT(Texts("\xEF\xBB\xBF", Format(TextFormat::kLines), 1), IsEmpty());
}

TEST(LinesReader, GivesTheSameForEveryBufferSize) {
  std::string content = "\xEF\xBB\xBF";
  for (int i = 0; i < 50; ++i) content += std::string(static_cast<size_t>(i), 'x') + "\r\n";
  content += "last";
  const auto expected = Texts(content, Format(TextFormat::kLines));
  ASSERT_EQ(expected.size(), 51u);
  for (size_t buffer_bytes = 1; buffer_bytes < 130; ++buffer_bytes) {
    EXPECT_EQ(Texts(content, Format(TextFormat::kLines), buffer_bytes), expected) << buffer_bytes;
  }
}

TEST(LinesReader, NamesTheLineThatIsTooLong) {
  TextReaderOptions options = Format(TextFormat::kLines);
  options.max_record_bytes = 1000;
  const std::string fits(1000, 'x');
  EXPECT_THAT(Texts("a\n" + fits + "\n" + fits, options), ElementsAre("a", fits, fits));
  EXPECT_THAT(FailureOf("a\n" + fits + "x\nb", options),
              AllOf(StartsWith("corrupt_data: a line of more than 1000 bytes: test.txt: line 2"),
                    HasSubstr("split")));
  // Without an end too, and without reading all of it into memory.
  EXPECT_THAT(FailureOf(std::string(10'000'000, 'x'), options), HasSubstr("line 1"));
}

TEST(LinesReader, SplitsPairsAtTheTab) {
  const auto records = ReadAll("a b\tc\n\t\n", Pair(TextFormat::kLines));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, "a b");
  EXPECT_EQ(records[0].text_pair, "c");
  EXPECT_EQ(records[1].text, "");
  EXPECT_EQ(records[1].text_pair, "");
  EXPECT_THAT(FailureOf("a\tb\nc\n", Pair(TextFormat::kLines)), HasSubstr("test.txt: line 2"));
  EXPECT_THAT(FailureOf("a\tb\tc\n", Pair(TextFormat::kLines)), HasSubstr("exactly one tab"));
}

// ---- JSONL

TEST(JsonlReader, ReadsBeirRecords) {
  const auto records = ReadAll(
      "{\"_id\": \"d1\", \"title\": \" A title\", \"text\": \"and text\\u3000\"}\r\n"
      "\n"
      "{\"id\": 7, \"text\": \" spaces stay without a title \"}\n"
      "{\"_id\": null, \"text\": \"x\", \"title\": null, \"metadata\": {}}\n"
      "{\"text\": \"y\", \"title\": \"\"}",
      Format(TextFormat::kJsonl));
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].id, "d1");
  EXPECT_EQ(records[0].text, "A title and text");
  EXPECT_EQ(records[0].line, 1);
  EXPECT_EQ(records[1].id, "7");
  EXPECT_EQ(records[1].text, " spaces stay without a title ");
  EXPECT_EQ(records[1].line, 3);
  EXPECT_EQ(records[2].id, std::nullopt);
  EXPECT_EQ(records[2].text, "x");
  EXPECT_EQ(records[3].text, "y");
}

TEST(JsonlReader, TakesAnotherFieldWithoutTitle) {
  EXPECT_THAT(
      Texts("{\"question\": \"q\", \"title\": \"t\"}", Field(TextFormat::kJsonl, "question")),
      ElementsAre("q"));
}

TEST(JsonlReader, ReadsPairs) {
  const auto records = ReadAll("{\"text\": \"a\", \"text_pair\": \"b\", \"title\": \"t\"}",
                               Pair(TextFormat::kJsonl));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].text, "a");
  EXPECT_EQ(records[0].text_pair, "b");
}

TEST(JsonlReader, NamesFileLineAndFieldOfBadRecords) {
  const TextReaderOptions jsonl = Format(TextFormat::kJsonl);
  const std::string good = "{\"text\": \"a\"}\n";
  EXPECT_THAT(FailureOf(good + "{\"text\": 5}", jsonl),
              AllOf(HasSubstr("test.txt: line 2"), HasSubstr("text"), HasSubstr("integer")));
  EXPECT_THAT(FailureOf(good + "{\"txt\": \"a\"}", jsonl),
              AllOf(HasSubstr("test.txt: line 2"), HasSubstr("field \"text\" is missing"),
                    HasSubstr("--field NAME")));
  EXPECT_THAT(FailureOf(good + "[1]", jsonl),
              AllOf(HasSubstr("test.txt: line 2"), HasSubstr("expected an object")));
  EXPECT_THAT(FailureOf(good + "{\"text\": \"a\"", jsonl), HasSubstr("test.txt: line 2"));
  EXPECT_THAT(FailureOf(good + "{\"text\": \"\xFF\"}", jsonl), HasSubstr("test.txt: line 2"));
  EXPECT_THAT(FailureOf("{\"text\": \"a\", \"title\": 1}", jsonl), HasSubstr("title"));
  EXPECT_THAT(FailureOf("{\"text\": \"a\", \"_id\": []}", jsonl), HasSubstr("_id"));
  EXPECT_THAT(FailureOf("{\"text\": \"a\"}", Pair(TextFormat::kJsonl)), HasSubstr("text_pair"));
}

TEST(JsonlReader, RefusesEveryTruncationOfARecord) {
  const std::string record = "{\"_id\": \"d1\", \"title\": \"t\", \"text\": \"a\\u00e9\"}";
  for (size_t size = 1; size < record.size(); ++size) {
    const std::string failure = FailureOf(record.substr(0, size), Format(TextFormat::kJsonl));
    EXPECT_THAT(failure, StartsWith("corrupt_data: ")) << size;
    EXPECT_TRUE(test::IsOneLine(failure)) << failure;
  }
}

TEST(JoinTitle, StripsWhatPythonStrips) {
  EXPECT_EQ(JoinTitle("a", "b"), "a b");
  EXPECT_EQ(JoinTitle("", ""), "");
  EXPECT_EQ(JoinTitle("\xC2\x85\xC2\xA0\x1C", " b\xE1\x9A\x80\xE2\x80\x8A\xE2\x80\xAF"), "b");
  EXPECT_EQ(JoinTitle("\xE2\x81\x9F\xE3\x80\x80\xE2\x80\xA8", "b\v\f"), "b");
  // U+200B is no whitespace; nor is U+180E any more; nor are bytes that only look like the end of
  // one.
  EXPECT_EQ(JoinTitle("\xE2\x80\x8B", "b\xE1\xA0\x8E"), "\xE2\x80\x8B b\xE1\xA0\x8E");
  EXPECT_EQ(JoinTitle("a", "b\x80"), "a b\x80");
}

// ---- CSV and TSV

TEST(CsvReader, ReadsQuotedFields) {
  const auto records = ReadAll(
      "_id,title,text\r\n"
      "1,\"A, \"\"b\"\"\",\"two\r\nlines\"\r\n"
      "\r\n"
      "2,,  plain \"as is\" \r\n"
      "3,t,\"\"",
      Format(TextFormat::kCsv));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].id, "1");
  EXPECT_EQ(records[0].text, "A, \"b\" two\r\nlines");
  EXPECT_EQ(records[0].line, 2);
  EXPECT_EQ(records[1].text, "plain \"as is\"");
  EXPECT_EQ(records[1].line, 5);
  EXPECT_EQ(records[2].text, "t");
}

TEST(CsvReader, GivesTheSameForEveryBufferSize) {
  const std::string content = "id,text\n1,\"a\n\"\"b\"\"\n\nc\"\n2,\"\n\"\n3,x\n";
  const auto expected = Texts(content, Format(TextFormat::kCsv));
  EXPECT_THAT(expected, ElementsAre("a\n\"b\"\n\nc", "\n", "x"));
  for (size_t buffer_bytes = 1; buffer_bytes < 40; ++buffer_bytes) {
    EXPECT_EQ(Texts(content, Format(TextFormat::kCsv), buffer_bytes), expected) << buffer_bytes;
  }
}

TEST(CsvReader, ChoosesColumns) {
  EXPECT_THAT(Texts("a\nb\n", Format(TextFormat::kCsv)), ElementsAre("a", "b"));
  const auto two = ReadAll("x,a\ny,b\n", Format(TextFormat::kCsv));
  EXPECT_EQ(two[1].id, "y");
  EXPECT_EQ(two[1].text, "b");
  EXPECT_THAT(Texts("q,answer,title\n1,a,t\n", Field(TextFormat::kCsv, "answer")),
              ElementsAre("a"));
  EXPECT_THAT(Texts("1,a,t\n", Field(TextFormat::kCsv, "3")), ElementsAre("t"));
  EXPECT_THAT(FailureOf("a,b,c\n", Format(TextFormat::kCsv)),
              AllOf(HasSubstr("found 3 columns"), HasSubstr("--field")));
  EXPECT_THAT(FailureOf("a,b\n", Field(TextFormat::kCsv, "c")), HasSubstr("no column c"));
  EXPECT_THAT(FailureOf("a,b\n", Field(TextFormat::kCsv, "3")), HasSubstr("found 2 columns"));
  EXPECT_THAT(FailureOf("a,b\n", Field(TextFormat::kCsv, "0")), HasSubstr("counted from 1"));
}

TEST(CsvReader, SaysThatTheFirstLineIsData) {
  std::vector<std::string> notes;
  TextReaderOptions options = Format(TextFormat::kCsv);
  options.on_note = [&](const std::string& note) { notes.push_back(note); };
  ReadAll("id,Text\n1,a\n", options);
  ReadAll("text\na\n", options);
  EXPECT_THAT(notes, IsEmpty());
  ReadAll("id,body\n1,a\n", options);
  ReadAll("body\na\n", options);
  EXPECT_THAT(notes,
              ElementsAre("test.txt: no column `text` in the first line, which is taken as data: "
                          "the text is column 2, the id is column 1",
                          "test.txt: no column `text` in the first line, which is taken as data: "
                          "the text is column 1, there is no id"));
}

TEST(CsvReader, ComparesColumnNamesWithoutCase) {
  const auto records = ReadAll("ID,Title,TEXT\n1,t,a\n", Format(TextFormat::kCsv));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].id, "1");
  EXPECT_EQ(records[0].text, "t a");
  EXPECT_THAT(Texts("Question,question\nx,y\n", Field(TextFormat::kCsv, "question")),
              ElementsAre("y"));
}

TEST(CsvReader, ReadsPairs) {
  for (const std::string_view content :
       {"a,b\n", "1,a,b\n", "text_pair,text\nb,a\n", "text,id,text_pair\na,1,b\n"}) {
    const auto records = ReadAll(content, Pair(TextFormat::kCsv));
    ASSERT_EQ(records.size(), 1u) << content;
    EXPECT_EQ(records[0].text, "a") << content;
    EXPECT_EQ(records[0].text_pair, "b") << content;
  }
  EXPECT_THAT(FailureOf("text,other\na,b\n", Pair(TextFormat::kCsv)), HasSubstr("text_pair"));
}

TEST(CsvReader, NamesTheLineOfBadRecords) {
  const TextReaderOptions csv = Format(TextFormat::kCsv);
  EXPECT_THAT(FailureOf("id,text\n1,a\n2,a,b\n", csv),
              AllOf(HasSubstr("found 3 columns, expected 2"), HasSubstr("line 3")));
  EXPECT_THAT(FailureOf("id,text\n1,\"a\nb\n", csv),
              AllOf(HasSubstr("without its closing quote"), HasSubstr("line 2")));
  EXPECT_THAT(FailureOf("id,text\n1,\"a\"b\n", csv),
              AllOf(HasSubstr("closing quote"), HasSubstr("line 2")));
  TextReaderOptions small = csv;
  small.max_record_bytes = 100;
  std::string endless = "id,text\n1,\"";
  for (int i = 0; i < 200; ++i) endless += "x\n";
  EXPECT_THAT(FailureOf(endless, small),
              AllOf(HasSubstr("a record of more than 100 bytes"), HasSubstr("line 2")));
}

TEST(TsvReader, TakesQuotesLiterally) {
  const auto records = ReadAll("0\t\"Hello\" said he\r\n1\t\"open\n", Format(TextFormat::kTsv));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, "\"Hello\" said he");
  EXPECT_EQ(records[1].text, "\"open");
  EXPECT_THAT(FailureOf("0\ta\n1\ta\tb\n", Format(TextFormat::kTsv)), HasSubstr("line 2"));
}

// ---- choice of the format, and the command line

TEST(OpenTextReader, ChoosesTheFormatByExtension) {
  const test::TempDir dir;
  const auto first = [&](const char* name, const char* content) {
    const auto path = dir.Write(name, content);
    const auto reader = OpenTextReader(path.string(), {}, -1);
    TextRecord record;
    EXPECT_TRUE(reader->Next(&record));
    EXPECT_EQ(reader->bytes_total(), std::string_view(content).size());
    return record.text;
  };
  EXPECT_EQ(first("a.jsonl", "{\"text\": \"x\"}"), "x");
  EXPECT_EQ(first("a.NDJSON", "{\"text\": \"x\"}"), "x");
  EXPECT_EQ(first("a.csv", "1,\"x\""), "x");
  EXPECT_EQ(first("a.tsv", "1\tx"), "x");
  EXPECT_EQ(first("a.txt", "1,\"x\""), "1,\"x\"");
  EXPECT_EQ(first("jsonl", "{}"), "{}");
}

TEST(OpenTextReader, RefusesFilesThatAreNoTexts) {
  const test::TempDir dir;
  for (const char* const name : {"a.gz", "a.jsonl.ZST", "a.bz2", "a.xz", "a.parquet", "a.npy",
                                 "a.npz", "a.safetensors", "a.json"}) {
    const std::string path = dir.Write(name, "{\"text\": \"x\"}\n").string();
    EXPECT_THROW(OpenTextReader(path, {}, -1), UsageError) << name;
    TextRecord record;
    EXPECT_TRUE(OpenTextReader(path, Format(TextFormat::kJsonl), -1)->Next(&record)) << name;
  }
}

TEST(OpenTextReader, NamesWhatCannotBeRead) {
  const test::TempDir dir;
  EXPECT_THAT(test::Thrown([&] { return OpenTextReader((dir.path() / "none").string(), {}, -1); }),
              AllOf(StartsWith("not_found: no such file: "), HasSubstr("none")));
  EXPECT_THAT(test::Thrown([&] { return OpenTextReader(dir.path().string(), {}, -1); }),
              StartsWith("invalid_argument: a directory"));
}

TEST(ReadArguments, GivesTheTextsInOrder) {
  const auto reader = ReadArguments({"a", "", "b"}, false);
  TextRecord record;
  std::vector<std::string> texts;
  while (reader->Next(&record)) texts.push_back(record.text);
  EXPECT_THAT(texts, ElementsAre("a", "", "b"));
  EXPECT_THROW(ReadArguments({"a", "b", "c"}, true), UsageError);
}

// ---- batches

TEST(TextBatches, KeepsOrderAndLimits) {
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(std::to_string(i));
  const auto reader = ReadArguments(texts, false);
  TextBatches batches(reader.get(), {.max_texts = 64, .max_bytes = 100});
  std::vector<std::string> read;
  while (const auto batch = batches.Next()) {
    ASSERT_FALSE(batch->records.empty());
    ASSERT_LE(batch->records.size(), 64u);
    size_t bytes = 0;
    for (const TextRecord& record : batch->records) {
      bytes += record.text.size();
      read.push_back(record.text);
    }
    ASSERT_LT(bytes, 104u);
  }
  EXPECT_EQ(read, texts);
}

TEST(TextBatches, HandsOverWhatCameBeforeAnError) {
  const auto reader =
      MakeTextReader(SourceOf("{\"text\": \"a\"}\n{\n", 4096), Format(TextFormat::kJsonl));
  TextBatches batches(reader.get(), {});
  const auto batch = batches.Next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->records.size(), 1u);
  EXPECT_THAT(test::Thrown([&] { return batches.Next(); }), HasSubstr("line 2"));
}

TEST(TextBatches, GivesASlowPipeItsTextsAtOnce) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  const auto reader = MakeTextReader(std::make_unique<ByteSource>(fds[0], true, "pipe", -1),
                                     Format(TextFormat::kLines));
  {
    TextBatches batches(reader.get(), {});
    // The second line is not complete: only the first can be handed over.
    ASSERT_EQ(write(fds[1], "one\ntw", 6), 6);
    const auto first = batches.Next();
    ASSERT_TRUE(first);
    ASSERT_EQ(first->records.size(), 1u);
    EXPECT_EQ(first->records[0].text, "one");
    ASSERT_EQ(write(fds[1], "o\n", 2), 2);
    const auto second = batches.Next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->records[0].text, "two");
    // Leaving here ends the thread, although the pipe stays open and silent.
  }
  close(fds[1]);
}

TEST(TextReader, EndsInsideARecordWhenAskedToStop) {
  std::stop_source source;
  source.request_stop();
  const auto first = [&](std::string_view content, TextFormat format) {
    TextReaderOptions options = Format(format);
    options.stop = source.get_token();
    return test::Thrown([&] { return ReadAll(content, options).size(); });
  };
  EXPECT_THAT(first("{\"text\": \"a\"}\n", TextFormat::kJsonl), StartsWith("cancelled: "));
  EXPECT_THAT(first("\"a\"\n", TextFormat::kCsv), StartsWith("cancelled: "));
}

TEST(TextReader, RefusesRecordsOfVeryManyColumns) {
  std::string most(65535, ',');
  const TextReaderOptions csv = Field(TextFormat::kCsv, "65536");
  EXPECT_THAT(Texts(most + "a\n", csv), ElementsAre("a"));
  EXPECT_THAT(test::Thrown([&] { return Texts(most + ",a\n", csv); }),
              HasSubstr("a record of more than 65536 columns: test.txt: line 1: "));
  std::replace(most.begin(), most.end(), ',', '\t');
  EXPECT_THAT(test::Thrown([&] { return Texts(most + "\ta\n", Format(TextFormat::kTsv)); }),
              HasSubstr("65536 columns"));
}

TEST(ByteSource, EndsWhenAskedToStop) {
  int input[2];
  int stop[2];
  ASSERT_EQ(pipe2(input, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(stop, O_CLOEXEC), 0);
  ByteSource source(input[0], true, "pipe", stop[0]);
  std::thread stopper([&] { EXPECT_EQ(write(stop[1], "x", 1), 1); });
  EXPECT_THAT(test::Thrown([&] { return source.NextLine(100); }), StartsWith("cancelled: "));
  stopper.join();
  for (const int fd : {input[1], stop[0], stop[1]}) close(fd);
}

// What --on-error skip leaves of `content`, and what it says.
std::vector<std::string> GoodTexts(std::string_view content, const TextReaderOptions& options,
                                   std::vector<std::string>* notes, size_t buffer_bytes = 4096) {
  const auto reader = SkipBadRecords(MakeTextReader(SourceOf(content, buffer_bytes), options),
                                     [notes](const std::string& note) { notes->push_back(note); });
  std::vector<std::string> texts;
  TextRecord record;
  while (reader->Next(&record)) texts.push_back(record.text);
  EXPECT_EQ(reader->bytes_read(), content.size());
  return texts;
}

TEST(SkippingReader, LeavesOutBadRecordsAndCountsThem) {
  const std::string content =
      "{\"text\": \"a\"}\n{\"text\": 1}\nnot json\n[]\n{\"txt\": \"b\"}\n{\"text\": \"c\"}\n"
      "{\"text\": \"cut";
  for (const size_t buffer_bytes : {1, 7, 4096}) {
    std::vector<std::string> notes;
    EXPECT_THAT(GoodTexts(content, Format(TextFormat::kJsonl), &notes, buffer_bytes),
                ElementsAre("a", "c"));
    ASSERT_EQ(notes.size(), 6u);
    EXPECT_THAT(notes[0], HasSubstr("line 2"));
    EXPECT_THAT(notes[1], HasSubstr("line 3"));
    EXPECT_THAT(notes[4], HasSubstr("line 7"));
    EXPECT_EQ(notes[5], "test.txt: skipped 5 of 7 records");
  }
}

TEST(SkippingReader, NamesTheFirstFewAlone) {
  std::string content = "{\"text\": \"a\"}\n";
  for (int i = 0; i < 2000; ++i) content += "bad\n";
  std::vector<std::string> notes;
  EXPECT_THAT(GoodTexts(content, Format(TextFormat::kJsonl), &notes), ElementsAre("a"));
  ASSERT_EQ(notes.size(), 6u);
  EXPECT_EQ(notes[5], "test.txt: skipped 2,000 of 2,001 records");
}

TEST(SkippingReader, GoesOnBehindARecordThatIsTooLong) {
  TextReaderOptions options = Format(TextFormat::kLines);
  options.max_record_bytes = 10;
  const std::string content = "one\n" + std::string(100, 'x') + "\ntwo\n" + std::string(11, 'y');
  for (const size_t buffer_bytes : {1, 5, 11, 64, 4096}) {
    std::vector<std::string> notes;
    EXPECT_THAT(GoodTexts(content, options, &notes, buffer_bytes), ElementsAre("one", "two"));
    ASSERT_EQ(notes.size(), 3u);
    EXPECT_THAT(notes[0], HasSubstr("line 2: "));
    EXPECT_THAT(notes[1], HasSubstr("line 4: "));
  }
}

TEST(SkippingReader, StopsWhereTheWholeTableIsNotWhatWasAsked) {
  std::vector<std::string> notes;
  EXPECT_THAT(test::Thrown([&] {
                return GoodTexts("id,text\n1,a\n", Field(TextFormat::kCsv, "answer"), &notes);
              }),
              AllOf(StartsWith("invalid_argument: "), HasSubstr("no column answer")));
  EXPECT_THAT(GoodTexts("id,text\n1,a\n2\n3,c,d\n4,e\n", Format(TextFormat::kCsv), &notes),
              ElementsAre("a", "e"));
  EXPECT_THAT(test::Thrown([&] {
                return GoodTexts("{\"a\": 1}\n{\"b\": 1}\n", Format(TextFormat::kJsonl), &notes);
              }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("no good record: all 2 are bad")));
}

TEST(SkippingReader, SaysNothingWhereAllIsGood) {
  std::vector<std::string> notes;
  EXPECT_THAT(GoodTexts("", Format(TextFormat::kJsonl), &notes), IsEmpty());
  EXPECT_THAT(GoodTexts("a\n\nb", Format(TextFormat::kLines), &notes), ElementsAre("a", "", "b"));
  EXPECT_THAT(notes, IsEmpty());
}

}  // namespace
}  // namespace bge::cli
