// What decides who is asked, and who gets the token.
#include "hub/url.h"

#include <gtest/gtest.h>

namespace bge::hub {
namespace {

TEST(Urls, AreTakenApart) {
  const auto url = ParseUrl("https://Huggingface.co/api/models/a?x=1#part");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "huggingface.co");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/api/models/a?x=1");
  EXPECT_EQ(url->Origin(), "https://huggingface.co");
  EXPECT_EQ(ParseUrl("http://h")->Text(), "http://h/");
  EXPECT_EQ(ParseUrl("http://h?q")->target, "/?q");
  EXPECT_EQ(ParseUrl("http://h:8080/x")->Text(), "http://h:8080/x");
  EXPECT_EQ(ParseUrl("http://h:80/x")->Text(), "http://h/x");
  EXPECT_EQ(ParseUrl("HTTP://[::1]:90/")->host, "[::1]");
  EXPECT_EQ(ParseUrl("http://[::1]:90/")->port, 90);
}

TEST(Urls, ThatCouldBeReadInTwoWaysAreRefused) {
  for (const std::string& text : {std::string(),
                                  std::string("huggingface.co"),
                                  std::string("/x"),
                                  std::string("ftp://h/"),
                                  std::string("file:///etc/passwd"),
                                  std::string("http:/h"),
                                  std::string("http://"),
                                  std::string("http:///x"),
                                  std::string("http://user@h/"),
                                  std::string("http://huggingface.co@evil.org/"),
                                  std::string("http://user:word@h/"),
                                  std::string("http://h\\@evil/"),
                                  std::string("http://h /"),
                                  std::string("http://h/a b"),
                                  std::string("http://h/\r\nX: y"),
                                  std::string("http://h/\0x", 11),
                                  std::string("http://h:/"),
                                  std::string("http://h:0/"),
                                  std::string("http://h:65536/"),
                                  std::string("http://h:80x/"),
                                  std::string("http://h:-1/"),
                                  std::string("http://[::1/"),
                                  std::string("http://[::1]x/"),
                                  std::string("http://[g]/"),
                                  std::string("http://-h/"),
                                  std::string("http://.h/"),
                                  std::string("http://h%41/"),
                                  std::string("http://\xc3\xa9/"),
                                  "http://h/" + std::string(9000, 'a')}) {
    EXPECT_FALSE(ParseUrl(text)) << text;
  }
}

TEST(Urls, RedirectsAreResolved) {
  const Url base = *ParseUrl("https://hub:8443/a/b/c?q=1");
  EXPECT_EQ(ResolveLocation(base, "/x?y")->Text(), "https://hub:8443/x?y");
  EXPECT_EQ(ResolveLocation(base, "x")->Text(), "https://hub:8443/a/b/x");
  EXPECT_EQ(ResolveLocation(base, "x/y:z")->Text(), "https://hub:8443/a/b/x/y:z");
  EXPECT_EQ(ResolveLocation(base, "?z")->Text(), "https://hub:8443/a/b/c?z");
  EXPECT_EQ(ResolveLocation(base, "//other/x")->Text(), "https://other/x");
  EXPECT_EQ(ResolveLocation(base, "http://other/x")->Text(), "http://other/x");
  for (const char* location :
       {"", "file:///x", "javascript:1", "//", "//user@h/", "ftp://h/x", "http:x", "mailto:a@b"}) {
    EXPECT_FALSE(ResolveLocation(base, location)) << location;
  }
}

TEST(Urls, OriginsAreComparedWhole) {
  const Url hub = *ParseUrl("https://hub/x");
  EXPECT_TRUE(hub.SameOrigin(*ParseUrl("https://HUB:443/y")));
  for (const char* other : {"http://hub/x", "https://hub:444/x", "https://hub.evil/x",
                            "https://evilhub/x", "https://h/x"}) {
    EXPECT_FALSE(hub.SameOrigin(*ParseUrl(other))) << other;
  }
}

TEST(Urls, AreQuotedAsInPython) {
  // urllib.parse.quote("refs/pr/1 é+~", safe="") and the same with safe="/".
  EXPECT_EQ(QuoteForUrl("refs/pr/1 \xc3\xa9+~", ""), "refs%2Fpr%2F1%20%C3%A9%2B~");
  EXPECT_EQ(QuoteForUrl("refs/pr/1 \xc3\xa9+~", "/"), "refs/pr/1%20%C3%A9%2B~");
}

}  // namespace
}  // namespace bge::hub
