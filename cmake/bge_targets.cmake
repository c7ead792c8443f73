# Helpers that keep each folder's CMakeLists.txt to a list of files.

# bge_add_part(<name> SOURCES ... [LIBS ...]): an OBJECT library bge_<name> that becomes part of bge::bge.
function(bge_add_part name)
  cmake_parse_arguments(PART "" "" "SOURCES;LIBS" ${ARGN})
  add_library(bge_${name} OBJECT ${PART_SOURCES})
  target_include_directories(bge_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(bge_${name} PRIVATE bge_flags ${PART_LIBS})
  set_target_properties(bge_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  set_property(GLOBAL APPEND PROPERTY BGE_PARTS bge_${name})
endfunction()

# bge_limit_exports(<target>): of a shared library, where the linker has version scripts.
function(bge_limit_exports target)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY AND CMAKE_SYSTEM_NAME STREQUAL Linux)
    set(map ${PROJECT_SOURCE_DIR}/cmake/exports.map)
    target_link_options(${target} PRIVATE LINKER:--version-script=${map})
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
  endif()
endfunction()

# bge_add_test(<name> SOURCES ... [LIBS ...] [LABELS ...] [LIBRARY ...]): a gtest program that sees the internals,
# those of LIBRARY where that is given.
# Tests find committed data under BGE_TEST_DATA_DIR and the developers' optional data under BGE_SHARED_DIR.
function(bge_add_test name)
  if(NOT BGE_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(TEST "" "" "SOURCES;LIBS;LABELS;LIBRARY" ${ARGN})
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)
  endif()
  if(NOT TEST_LIBRARY)
    set(TEST_LIBRARY bge_internal)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE
    BGE_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data"
    BGE_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARY} GTest::gtest_main GTest::gmock ${TEST_LIBS})
  gtest_discover_tests(${name} PROPERTIES LABELS "${TEST_LABELS}" DISCOVERY_TIMEOUT 60)
endfunction()

# bge_add_bench(<name> SOURCES ...): a google-benchmark program that sees the internals.
function(bge_add_bench name)
  if(NOT BGE_BUILD_BENCH)
    return()
  endif()
  cmake_parse_arguments(BENCH "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${BENCH_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE bge_internal benchmark::benchmark benchmark::benchmark_main
    ${BENCH_LIBS})
endfunction()
