#include "tokenizer/regex.h"

#include "base/error.h"
#include "base/per_thread.h"
#include "base/stop.h"
#include "tokenizer/utf8.h"

#include <oniguruma.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>

namespace bge::tokenizer {
namespace {

constexpr size_t kMostPatternBytes = 16 << 10;
constexpr ptrdiff_t kMostBrackets = 1000;
// Oniguruma's own limit for one match; tokenizers dies there. We ask to stop between searches, so
// one search takes no more than that either. (A fuzz target sees more inputs where they give up
// sooner.)
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr unsigned long kMostRetries = 10'000;
#else
constexpr unsigned long kMostRetries = 10'000'000;
#endif
// A text may take as many as this for each of its places, and more at some of them: so many in all,
// and for each byte.
constexpr unsigned long kCheapRetries = 10'000;
constexpr unsigned long kRetriesOfText = 32 * kMostRetries;
constexpr unsigned long kRetriesOfByte = 64;
// Looking ahead to the text's end takes no step back: a limit of time for that, for a text and for
// each of its bytes. The clock is asked after so many searches.
constexpr int64_t kNanosecondsOfByte = 1000;
constexpr unsigned kSearchesBetweenLooks = 256;
constexpr unsigned int kMostStack = 4 << 20;
const UChar* Bytes(const char* p) { return reinterpret_cast<const UChar*>(p); }

std::string MessageOf(int code, OnigErrorInfo* info = nullptr) {
  UChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int size = info != nullptr ? onig_error_code_to_str(text, code, info)
                                   : onig_error_code_to_str(text, code);
  return {reinterpret_cast<const char*>(text), static_cast<size_t>(std::max(size, 0))};
}

// Parity: from 6.9.9 on, [[:punct:]] is punctuation and symbols, and [[:^punct:]] what is not both,
// which is everything. Spelled out, older libraries do the same.
std::string WithNewPunct(std::string_view pattern) {
  constexpr std::string_view kPunct = "[:punct:]";
  constexpr std::string_view kNotPunct = "[:^punct:]";
  std::string result;
  size_t depth = 0;  // of character classes
  while (!pattern.empty()) {
    size_t size = 1;
    if (pattern[0] == '\\') {
      size = std::min<size_t>(2, pattern.size());
    } else if (depth > 0 && pattern.starts_with(kPunct)) {
      result += R"(\p{P}\p{S})";
      pattern.remove_prefix(kPunct.size());
      continue;
    } else if (depth > 0 && pattern.starts_with(kNotPunct)) {
      result += R"(\P{P}\P{S})";
      pattern.remove_prefix(kNotPunct.size());
      continue;
    } else if (depth > 0 && pattern.starts_with("[:")) {
      const size_t end = pattern.find(":]");
      if (end != std::string_view::npos) size = end + 2;
    } else if (pattern[0] == '[') {
      ++depth;
    } else if (pattern[0] == ']' && depth > 0) {
      --depth;
    }
    result.append(pattern.substr(0, size));
    pattern.remove_prefix(size);
  }
  return result;
}

// The construct, if any, whose time no limit of Oniguruma's bounds; no known tokenizer has any.
std::optional<std::string_view> UnboundedConstruct(std::string_view pattern) {
  size_t depth = 0;  // of character classes
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (depth == 0) {
      // Calls of groups, what must be absent, and calls of functions.
      for (const std::string_view construct : {R"(\g)", "(?~", "(?{", "(*"}) {
        if (rest.starts_with(construct)) return construct;
      }
    }
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '[') {
      ++depth;
    } else if (pattern[i] == ']' && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

// What a search needs beside the expression; one for each thread.
struct SearchScratch {
  OnigRegion* region = onig_region_new();
  OnigMatchParam* limits = onig_new_match_param();
  // Since StartText():
  unsigned long spent_retries = 0;
  unsigned searches = 0;
  int64_t begin = 0;  // of the thread's time; 0: not asked
  std::chrono::nanoseconds most_time = Regex::kMostTime;

  SearchScratch() {
    if (region == nullptr || limits == nullptr) throw std::bad_alloc();
    onig_initialize_match_param(limits);
    onig_set_match_stack_limit_size_of_match_param(limits, kMostStack);
    SetRetries(kMostRetries);
  }
  void SetRetries(unsigned long retries) {
    onig_set_retry_limit_in_match_of_match_param(limits, retries);
    onig_set_retry_limit_in_search_of_match_param(limits, retries);
  }
  // Whether a text may go back as far as this once more.
  bool Spend(unsigned long retries, size_t text_bytes) {
    if (spent_retries + retries > kRetriesOfText + kRetriesOfByte * text_bytes) return false;
    spent_retries += retries;
    return true;
  }
  // Whether a text has had all the time that it may have.
  bool IsTimeOver(size_t text_bytes) {
    if (++searches % kSearchesBetweenLooks != 0) return false;
    timespec now = {};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    const int64_t nanoseconds = int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    if (begin == 0) begin = nanoseconds;
    return nanoseconds - begin >
           most_time.count() + kNanosecondsOfByte * static_cast<int64_t>(text_bytes);
  }
  ~SearchScratch() {
    onig_region_free(region, 1);
    onig_free_match_param(limits);
  }
  SearchScratch(const SearchScratch&) = delete;
  SearchScratch& operator=(const SearchScratch&) = delete;
};

bool IsOver(int found) {
  return found == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER || found == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER;
}

SearchScratch& ThreadScratch() {
  static PerThread<SearchScratch> scratches;
  return scratches.Get();
}

}  // namespace

struct Regex::Compiled {
  OnigRegex regex = nullptr;
  Compiled() = default;
  ~Compiled() { onig_free(regex); }
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
};

Regex::Regex(std::string_view pattern, std::string where) : where_(std::move(where)) {
  if (pattern.size() > kMostPatternBytes) {
    Fail(ErrorCode::kUnsupported,
         "a regular expression of " + std::to_string(pattern.size()) + " bytes", where_,
         "expected at most 16 KiB");
  }
  const auto brackets =
      std::count_if(pattern.begin(), pattern.end(), [](char c) { return c == '(' || c == '['; });
  if (brackets > kMostBrackets) {
    Fail(ErrorCode::kUnsupported,
         "a regular expression with " + std::to_string(brackets) + " brackets", where_,
         "expected at most 1000");
  }
  if (const auto construct = UnboundedConstruct(pattern)) {
    Fail(ErrorCode::kUnsupported, "a regular expression with " + std::string(*construct) + " in it",
         where_, "expected one without calls of groups or functions, or absent parts");
  }
  const std::string spelled = WithNewPunct(pattern);
  // \G is where a search starts.
  searches_whole_ = pattern.find("\\G") != std::string_view::npos;

  // Compiling is not thread-safe in all versions.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  static const int initialized = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    return onig_initialize(encodings, 1);
  }();
  auto compiled = std::make_unique<Compiled>();
  OnigErrorInfo info{};
  const int code = initialized != ONIG_NORMAL
                       ? initialized
                       : onig_new(&compiled->regex, Bytes(spelled.data()),
                                  Bytes(spelled.data() + spelled.size()), ONIG_OPTION_NONE,
                                  ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
  if (code == ONIGERR_MEMORY) throw std::bad_alloc();
  if (code != ONIG_NORMAL) {
    Fail(ErrorCode::kCorruptData,
         "the regular expression '" + Printable(pattern, 60) + "' does not compile (" +
             MessageOf(code, &info) + ")",
         where_, "expected Oniguruma's syntax");
  }
  compiled_ = std::move(compiled);
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

void Regex::StartText(std::chrono::nanoseconds most_time) {
  SearchScratch& scratch = ThreadScratch();
  scratch.spent_retries = 0;
  scratch.searches = 0;
  scratch.begin = 0;
  scratch.most_time = most_time;
}

void Regex::FailSlow(std::string_view why) const {
  Fail(ErrorCode::kUnsupported,
       "a regular expression takes too long on this text (" + std::string(why) + ")", where_,
       "expected one that is decided without going over the text again and again");
}

std::optional<ByteRange> Regex::Find(std::string_view text, size_t from,
                                     const std::stop_token* stop) const {
  if (text.size() > std::numeric_limits<int>::max()) {
    Fail(ErrorCode::kUnsupported,
         "a regular expression on " + std::to_string(text.size()) + " bytes of text", where_,
         "texts are limited to 2 GiB there");
  }
  SearchScratch& scratch = ThreadScratch();
  const UChar* const begin = Bytes(text.data());
  const UChar* const end = begin + text.size();
  const auto search = [&](unsigned long retries) {
    scratch.SetRetries(retries);
    // (A smaller range would not only bound where a match starts: nothing behind it would be seen.)
    return onig_search_with_param(compiled_->regex, begin, end, begin + from, end, scratch.region,
                                  ONIG_OPTION_NONE, scratch.limits);
  };
  const auto match_here = [&](unsigned long retries) {
    scratch.SetRetries(retries);
    return onig_match_with_param(compiled_->regex, begin, end, begin + from, scratch.region,
                                 ONIG_OPTION_NONE, scratch.limits);
  };
  constexpr unsigned long kCheap = std::min(kCheapRetries, kMostRetries);
  for (unsigned long retries = kCheap;; retries = std::min(kMostRetries, retries * 16)) {
    ThrowIfStopped(stop);
    if (scratch.IsTimeOver(text.size())) FailSlow("time over");
    int found = search(retries);
    if (!IsOver(found)) return Result(found, from);
    // \G is where a search starts, so it may not be made of several.
    if (searches_whole_) {
      const bool goes_on = scratch.Spend(kMostRetries, text.size());
      return Result(goes_on ? search(kMostRetries) : found, from);
    }
    // Many places that each take some steps are no reason to give up, nor are some that take many:
    // place by place, for so many that the search does not count.
    for (unsigned long place = 0; place < retries / 64 + 1; ++place) {
      ThrowIfStopped(stop, place);
      if (scratch.IsTimeOver(text.size())) FailSlow("time over");
      found = match_here(kCheap);
      for (unsigned long more = kCheap; IsOver(found) && more < kMostRetries;) {
        more = std::min(kMostRetries, more * 16);
        if (!scratch.Spend(more, text.size())) break;
        found = match_here(more);
      }
      if (found != ONIG_MISMATCH) return Result(found, from);
      if (from == text.size()) return std::nullopt;
      from += Utf8Length(text[from]);
    }
  }
}

std::optional<ByteRange> Regex::Result(int found, size_t from) const {
  if (found == ONIG_MISMATCH) return std::nullopt;
  if (found >= 0) {
    const OnigRegion& region = *ThreadScratch().region;
    const ByteRange match{static_cast<size_t>(region.beg[0]), static_cast<size_t>(region.end[0])};
    // \K in what only looks ahead can do that.
    if (match.end < match.begin || match.begin < from) {
      Fail(ErrorCode::kUnsupported, "a match that ends in front of its start", where_,
           "expected no \\K in a part that looks ahead");
    }
    return match;
  }
  if (found == ONIGERR_MEMORY) throw std::bad_alloc();
  FailSlow(MessageOf(found));
}

}  // namespace bge::tokenizer
