#include "apps/run_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace bge::cli {
namespace {

int MemoryFd(std::string_view content) {
  const int fd = memfd_create("bge-test", MFD_CLOEXEC);
  if (fd < 0) throw std::runtime_error("memfd_create failed");
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0) throw std::runtime_error("cannot write a file in memory");
    content.remove_prefix(static_cast<size_t>(count));
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string ContentOf(int fd) {
  struct stat status = {};
  fstat(fd, &status);
  std::string content(static_cast<size_t>(status.st_size), '\0');
  size_t at = 0;
  while (at < content.size()) {
    const ssize_t count =
        pread(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (count <= 0) throw std::runtime_error("cannot read a file in memory");
    at += static_cast<size_t>(count);
  }
  return content;
}

// Starts the command with these descriptors as its standard ones (-1: the test's own).
pid_t Start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            int in, int out, int err) {
  std::vector<std::string> words = {BGE_CLI};
  words.insert(words.end(), arguments.begin(), arguments.end());
  // The first of two values of a variable counts.
  std::vector<std::string> variables = environment;
  variables.push_back("BGE_MODEL=" BGE_TEST_DATA_DIR "/models/tiny-bert");
  variables.push_back("HF_HUB_OFFLINE=1");  // tests ask no network
  if (const char* const path = std::getenv("PATH"))
    variables.push_back(std::string("PATH=") + path);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int fds[3] = {in, out, err};
  for (int i = 0; i < 3; ++i) {
    if (fds[i] >= 0) posix_spawn_file_actions_adddup2(&actions, fds[i], i);
  }
  pid_t pid = -1;
  const int error = posix_spawn(&pid, BGE_CLI, &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " BGE_CLI);
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw std::runtime_error("waitpid failed");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ProgramResult RunBge(const std::vector<std::string>& arguments, const ProgramOptions& options) {
  const int in = MemoryFd(options.input);
  const int out = MemoryFd("");
  const int err = MemoryFd("");
  ProgramResult result;
  result.status = WaitFor(Start(arguments, options.environment, in, out, err));
  result.out = ContentOf(out);
  result.err = ContentOf(err);
  for (const int fd : {in, out, err}) close(fd);
  return result;
}

RunningBge::RunningBge(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment) {
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2 failed");
  }
  pid_ = Start(arguments, environment, in[0], out[1], -1);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

RunningBge::~RunningBge() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    Wait();
  }
  CloseInput();
  CloseOutput();
}

void RunningBge::Write(std::string_view bytes) {
  if (write(input_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("cannot write to the program");
  }
}

void RunningBge::CloseInput() {
  if (input_ >= 0) close(input_);
  input_ = -1;
}

void RunningBge::CloseOutput() {
  if (output_ >= 0) close(output_);
  output_ = -1;
}

std::string RunningBge::ReadLine() {
  std::string line;
  char c;
  while (read(output_, &c, 1) == 1) {
    line.push_back(c);
    if (c == '\n') break;
  }
  return line;
}

void RunningBge::Signal(int signal_number) { kill(pid_, signal_number); }

int RunningBge::Wait() {
  const int status = WaitFor(pid_);
  pid_ = -1;
  return status;
}

}  // namespace bge::cli
