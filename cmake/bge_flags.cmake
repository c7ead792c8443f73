# bge_flags: the one place for compile options. Linked PRIVATE by every target of ours.
# Warnings are errors where this is developed: another compiler may know more of them.
set(werror OFF)
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU"
    AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12
    AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  set(werror ON)
endif()
option(BGE_WERROR "Treat warnings as errors" ${werror})
set(BGE_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (for example address,undefined)")
option(BGE_FUZZ "Build the fuzz targets as libFuzzer programs (clang)" OFF)
option(BGE_FUZZ_COMPARISONS "Let libFuzzer see what integers are compared with, which takes up to half of its time" ON)

add_library(bge_flags INTERFACE)
target_compile_features(bge_flags INTERFACE cxx_std_20)
target_compile_options(bge_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wno-sign-conversion -Wnon-virtual-dtor
  # GCC 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${BGE_WERROR}>:-Werror>
  -fvisibility=hidden -fvisibility-inlines-hidden)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # The baseline of every object file; wider instructions are chosen at run time in kernels/cpu/.
  # Highway 1.0.3 with GCC < 12.3 cannot compile its scalar fallback for plain SSE2.
  target_compile_options(bge_flags INTERFACE -march=x86-64-v2)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  # Vectors of a size that is not known when compiling cannot be members of an array, as sums are in
  # our loops. All these CPUs have NEON.
  target_compile_definitions(bge_flags INTERFACE
    "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
endif()
if(BGE_SANITIZE)
  target_compile_options(bge_flags INTERFACE -fsanitize=${BGE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(bge_flags INTERFACE -fsanitize=${BGE_SANITIZE})
endif()
if(BGE_FUZZ)
  target_compile_options(bge_flags INTERFACE -fsanitize=fuzzer-no-link
    -fsanitize-coverage-ignorelist=${CMAKE_CURRENT_LIST_DIR}/fuzz_ignorelist.txt)
  if(NOT BGE_FUZZ_COMPARISONS)
    target_compile_options(bge_flags INTERFACE -fno-sanitize-coverage=trace-cmp)
  endif()
  # Parsers are what is fuzzed: the kernels of one instruction set will do, and compile in a fifth.
  target_compile_definitions(bge_flags INTERFACE HWY_COMPILE_ONLY_STATIC)
  # libFuzzer's documented name for what only such programs do: limits of time that are lower.
  target_compile_definitions(bge_flags INTERFACE FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
endif()
