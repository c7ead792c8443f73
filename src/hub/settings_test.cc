// What the environment says about the hub, as Python's huggingface_hub reads it.
#include "hub/settings.h"

#include "tests/expect_error.h"
#include "tests/scoped_environment.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::hub {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Settings : public testing::Test {
 protected:
  Settings() { environment_.Set("HF_HOME", home_.path().string()); }
  test::TempDir home_;
  test::ScopedEnvironment environment_{"HF_HOME",
                                       "HF_ENDPOINT",
                                       "HF_TOKEN",
                                       "HUGGING_FACE_HUB_TOKEN",
                                       "HF_TOKEN_PATH",
                                       "HF_HUB_OFFLINE",
                                       "SSL_CERT_FILE",
                                       "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                       "HF_HUB_DISABLE_SYMLINKS",
                                       "HF_HUB_DOWNLOAD_TIMEOUT",
                                       "TRANSFORMERS_OFFLINE"};
};

TEST_F(Settings, HaveDefaults) {
  const HubSettings settings = ReadHubSettings();
  EXPECT_EQ(settings.endpoint.Text(), "https://huggingface.co");
  EXPECT_EQ(settings.token, "");
  EXPECT_EQ(settings.ca_file, "");
  EXPECT_FALSE(settings.offline);
  EXPECT_TRUE(settings.symlinks);
  EXPECT_EQ(settings.timeouts.connect.count(), 5000);
  EXPECT_EQ(settings.timeouts.stall.count(), 10);
}

TEST_F(Settings, EndpointsMayHaveAPath) {
  environment_.Set("HF_ENDPOINT", "http://Mirror:8080/hub//");
  EXPECT_EQ(ReadHubSettings().endpoint.Text(), "http://mirror:8080/hub");
  for (const char* wrong : {"mirror", "ftp://x", "https://user:word@x", "https://x?y", "http://"}) {
    environment_.Set("HF_ENDPOINT", wrong);
    EXPECT_THAT(test::Thrown([] { return ReadHubSettings(); }),
                AllOf(StartsWith("invalid_argument: "), HasSubstr("HF_ENDPOINT")))
        << wrong;
  }
}

TEST_F(Settings, TokensAreReadInOrder) {
  home_.Write("token", "of-home\n");
  EXPECT_EQ(ReadHubSettings().token, "of-home");
  environment_.Set("HF_TOKEN_PATH", home_.Write("other", " of-path\r\n").string());
  EXPECT_EQ(ReadHubSettings().token, "of-path");
  environment_.Set("HUGGING_FACE_HUB_TOKEN", "older");
  EXPECT_EQ(ReadHubSettings().token, "older");
  environment_.Set("HF_TOKEN", " newer\n");
  EXPECT_EQ(ReadHubSettings().token, "newer");
  environment_.Set("HF_TOKEN", " \n");  // as if it were unset
  EXPECT_EQ(ReadHubSettings().token, "of-path");
  environment_.Set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes");
  EXPECT_EQ(ReadHubSettings().token, "");
}

TEST_F(Settings, TokensThatCouldBeHeadersAreRefusedAndNotShown) {
  environment_.Set("HF_TOKEN", "secret\x01word");
  EXPECT_THAT(
      test::Thrown([] { return ReadHubSettings(); }),
      AllOf(StartsWith("invalid_argument: "), HasSubstr("token"), Not(HasSubstr("secret"))));
}

TEST_F(Settings, SwitchesAreThoseOfPython) {
  for (const char* on : {"1", "true", "Yes", "ON"}) {
    environment_.Set("HF_HUB_OFFLINE", on);
    environment_.Set("HF_HUB_DISABLE_SYMLINKS", on);
    EXPECT_TRUE(ReadHubSettings().offline) << on;
    EXPECT_FALSE(ReadHubSettings().symlinks) << on;
  }
  for (const char* off : {"0", "false", "no", "2"}) {
    environment_.Set("HF_HUB_OFFLINE", off);
    environment_.Set("HF_HUB_DISABLE_SYMLINKS", off);
    EXPECT_FALSE(ReadHubSettings().offline) << off;
    EXPECT_TRUE(ReadHubSettings().symlinks) << off;
  }
  environment_.Set("HF_HUB_OFFLINE", "");
  environment_.Set("TRANSFORMERS_OFFLINE", "1");
  EXPECT_TRUE(IsOffline());
}

TEST_F(Settings, TimeoutsAreSeconds) {
  environment_.Set("HF_HUB_DOWNLOAD_TIMEOUT", "33");
  EXPECT_EQ(ReadHubSettings().timeouts.stall.count(), 33);
  environment_.Set("HF_HUB_DOWNLOAD_TIMEOUT", "0");
  EXPECT_EQ(ReadHubSettings().timeouts.stall.count(), 10);
  for (const char* wrong : {"x", "-1", "1.5", "999999999999"}) {
    environment_.Set("HF_HUB_DOWNLOAD_TIMEOUT", wrong);
    EXPECT_THAT(test::Thrown([] { return ReadHubSettings(); }),
                HasSubstr("HF_HUB_DOWNLOAD_TIMEOUT"))
        << wrong;
  }
}

}  // namespace
}  // namespace bge::hub
