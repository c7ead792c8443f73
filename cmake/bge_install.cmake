# What `cmake --install` puts where: the library with its headers, the bge command, and the files that
# make find_package(bge) work.
include(CMakePackageConfigHelpers)
set(BGE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/bge)

install(TARGETS bge EXPORT bge-targets FILE_SET HEADERS)
if(TARGET bge_cli)
  install(TARGETS bge_cli)
endif()
install(EXPORT bge-targets NAMESPACE bge:: DESTINATION ${BGE_CMAKE_DIR})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bge-config.cmake.in
  ${PROJECT_BINARY_DIR}/bge-config.cmake INSTALL_DESTINATION ${BGE_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bge-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bge-config.cmake ${PROJECT_BINARY_DIR}/bge-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/Findoniguruma.cmake
  DESTINATION ${BGE_CMAKE_DIR})
