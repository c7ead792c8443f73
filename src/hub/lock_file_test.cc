#include "hub/lock_file.h"

#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <optional>

namespace {
std::atomic<int> closes_of_nothing = 0;
}  // namespace

// In the place of the C library's in this program: a descriptor that is closed twice may be
// somebody else's by then, which shows in nothing else.
extern "C" int close(int fd) {
  const auto result = static_cast<int>(::syscall(SYS_close, fd));
  if (result != 0 && errno == EBADF) ++closes_of_nothing;
  return result;
}

namespace bge::hub {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(LockFile, IsReleasedOnceWhereItCannotBeTakenAgain) {
  const test::TempDir dir;
  const fs::path path = dir.path() / "locks" / "x.lock";
  std::optional<LockFile> first;
  first.emplace(path, std::stop_token(), std::function<void()>());
  closes_of_nothing = 0;
  // While the second waits, the file is removed and something else gets its name: what it then wins
  // is the lock of a file that is gone, and there is none to take instead.
  const std::string error = test::Thrown([&] {
    const LockFile second(path, std::stop_token(), [&] {
      fs::remove(path);
      fs::create_directory(path);
      first.reset();
    });
    return true;
  });
  EXPECT_THAT(error, HasSubstr("cannot lock a file of the Hugging Face cache: " + path.string()));
  EXPECT_EQ(closes_of_nothing, 0);
}

}  // namespace
}  // namespace bge::hub
