#include "tenfold/hub/hub_environment.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/hub/temporary_folder_for_test.h"

namespace tenfold::hub {
namespace {

using testing::HasSubstr;
using Values = std::map<std::string, std::string>;

Result<HubEnvironment> Read(const Values& values) {
  return ReadHubEnvironment([&](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  });
}

TEST(HubEnvironment, FindsTheCacheFolder) {
  const std::pair<Values, std::string> cases[] = {
      {{{"HOME", "/u"}}, "/u/.cache/huggingface/hub"},
      {{{"HOME", "/u"}, {"XDG_CACHE_HOME", "/x"}}, "/x/huggingface/hub"},
      {{{"HOME", "/u"}, {"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/h"}}, "/h/hub"},
      {{{"HOME", "/u"}, {"HF_HOME", "/h"}, {"HF_HUB_CACHE", "/c"}}, "/c"},
      {{{"HOME", "/u"}, {"HF_HUB_CACHE", ""}}, "/u/.cache/huggingface/hub"},
      {{{"HOME", "/u"}, {"HF_HOME", "~/h"}}, "/u/h/hub"},
      {{{"HF_HUB_CACHE", "/c"}}, "/c"},
  };
  for (const auto& [values, folder] : cases) EXPECT_EQ(Read(values).value().cache_folder, folder);
  EXPECT_THAT(Read({}).error().message, HasSubstr("HF_HUB_CACHE"));
}

TEST(HubEnvironment, HasDefaults) {
  const HubEnvironment environment = Read({{"HOME", "/nowhere"}}).value();
  EXPECT_EQ(environment.endpoint, "https://huggingface.co");
  EXPECT_EQ(environment.token, "");
  EXPECT_FALSE(environment.is_offline);
  EXPECT_EQ(environment.stall_timeout_s, 30);
}

TEST(HubEnvironment, FindsTheToken) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "token") << "hf_home\n";
  std::ofstream(folder.path() / "other") << " hf_other ";
  const std::string home = folder.path().string();
  EXPECT_EQ(Read({{"HF_HOME", home}}).value().token, "hf_home");
  EXPECT_EQ(Read({{"HF_HOME", home}, {"HF_TOKEN_PATH", home + "/other"}}).value().token, "hf_other");
  EXPECT_EQ(Read({{"HF_HOME", home}, {"HF_TOKEN", "hf_variable\n"}}).value().token, "hf_variable");
  EXPECT_EQ(Read({{"HF_HOME", home}, {"HF_TOKEN_PATH", home + "/absent"}}).value().token, "");
}

TEST(HubEnvironment, RefusesWhatItCannotUse) {
  const std::pair<Values, std::string> cases[] = {
      {{{"HF_ENDPOINT", "huggingface.co"}}, "HF_ENDPOINT"},
      {{{"HF_ENDPOINT", "ftp://host"}}, "HF_ENDPOINT"},
      {{{"HF_ENDPOINT", "https://user:hidden@host"}}, "HF_ENDPOINT"},
      {{{"HF_TOKEN", "hidden\r\nX-Other: hidden"}}, "HF_TOKEN"},
      {{{"HF_HUB_DOWNLOAD_TIMEOUT", "0"}}, "HF_HUB_DOWNLOAD_TIMEOUT"},
      {{{"HF_HUB_DOWNLOAD_TIMEOUT", "long"}}, "HF_HUB_DOWNLOAD_TIMEOUT"},
  };
  for (auto [values, says] : cases) {
    values["HOME"] = "/nowhere";
    const auto environment = Read(values);
    ASSERT_FALSE(environment.has_value()) << says;
    EXPECT_THAT(environment.error().message, HasSubstr(says));
    EXPECT_THAT(environment.error().message, testing::Not(HasSubstr("hidden")));  // secrets stay out of messages
  }
}

TEST(HubEnvironment, ReadsFlagsAndNumbers) {
  for (const char* value : {"1", "true", "YES", "On"}) {
    EXPECT_TRUE(Read({{"HOME", "/nowhere"}, {"HF_HUB_OFFLINE", value}}).value().is_offline) << value;
  }
  EXPECT_FALSE(Read({{"HOME", "/nowhere"}, {"HF_HUB_OFFLINE", "0"}}).value().is_offline);
  const HubEnvironment environment = Read({{"HOME", "/nowhere"},
                                           {"HF_HUB_DOWNLOAD_TIMEOUT", "5"},
                                           {"HF_ENDPOINT", "http://mirror:8080/hub/"},
                                           {"SSL_CERT_FILE", "/ca.pem"}})
                                         .value();
  EXPECT_EQ(environment.stall_timeout_s, 5);
  EXPECT_EQ(environment.endpoint, "http://mirror:8080/hub");
  EXPECT_EQ(environment.certificate_file, "/ca.pem");
}

}  // namespace
}  // namespace tenfold::hub
