# Toolchain file: cross-compiles for 64-bit ARM on Debian, and runs the tests under qemu where that is
# installed. BGE_AARCH64_ROOT holds the unpacked arm64 packages of the libraries that we use: they
# cannot be installed beside the machine's own. `./dev test --aarch64` puts them there.
set(BGE_AARCH64_ROOT "${CMAKE_CURRENT_LIST_DIR}/../build/aarch64-packages" CACHE PATH
  "Unpacked arm64 packages")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Headers that differ between architectures, as OpenSSL's.
set(CMAKE_CXX_FLAGS_INIT "-isystem ${BGE_AARCH64_ROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_FIND_ROOT_PATH "${BGE_AARCH64_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)

find_program(BGE_QEMU qemu-aarch64)
if(BGE_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${BGE_QEMU};-L;/usr/aarch64-linux-gnu")
endif()
