# What `cmake --install` puts where: the library with its headers, the bge command, and the files that
# make find_package(bge) work.
include(CMakePackageConfigHelpers)
set(BGE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/bge)
set(BGE_DOCDIR ${CMAKE_INSTALL_DATAROOTDIR}/doc/bge)  # whatever project this is a part of

install(TARGETS bge EXPORT bge-targets FILE_SET HEADERS)
if(TARGET bge_cli)
  # An archive carries libraries beside the program (bge_package.cmake). RPATH, not RUNPATH: those find
  # each other by it too.
  # In the build tree the same: CMake would leave room there with empty entries, and an empty entry is
  # the folder that the program is started in.
  set_target_properties(bge_cli PROPERTIES BUILD_WITH_INSTALL_RPATH ON
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/bge;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  target_link_options(bge_cli PRIVATE LINKER:--disable-new-dtags)
  install(TARGETS bge_cli RUNTIME_DEPENDENCY_SET bge_bundle)
endif()
install(EXPORT bge-targets NAMESPACE bge:: DESTINATION ${BGE_CMAKE_DIR})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bge-config.cmake.in
  ${PROJECT_BINARY_DIR}/bge-config.cmake INSTALL_DESTINATION ${BGE_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bge-config-version.cmake
  COMPATIBILITY SameMinorVersion)
set(BGE_PKGCONFIG_LIBS)
foreach(library hwy simdjson fmt crypto onig)
  string(APPEND BGE_PKGCONFIG_LIBS " -l${library}")
endforeach()
string(APPEND BGE_PKGCONFIG_LIBS " -lpthread")
# A static library leaves its own dependencies to whoever links it.
set(BGE_PKGCONFIG_STATIC)
set(BGE_PKGCONFIG_PRIVATE "${BGE_PKGCONFIG_LIBS}")
if(NOT BUILD_SHARED_LIBS)
  set(BGE_PKGCONFIG_STATIC "${BGE_PKGCONFIG_LIBS}")
  set(BGE_PKGCONFIG_PRIVATE)
endif()
file(RELATIVE_PATH BGE_PKGCONFIG_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(${CMAKE_CURRENT_LIST_DIR}/bge.pc.in ${PROJECT_BINARY_DIR}/bge.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bge.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/THIRD_PARTY_NOTICES.md
  DESTINATION ${BGE_DOCDIR})
install(FILES ${PROJECT_BINARY_DIR}/bge-config.cmake ${PROJECT_BINARY_DIR}/bge-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/Findoniguruma.cmake
  DESTINATION ${BGE_CMAKE_DIR})

include(${CMAKE_CURRENT_LIST_DIR}/bge_package.cmake)

# The reference of the public headers.
find_program(BGE_DOXYGEN doxygen)
if(BGE_DOXYGEN AND PROJECT_IS_TOP_LEVEL)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
  add_custom_target(reference COMMAND ${BGE_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile
    COMMENT "Writing reference/html" VERBATIM)
endif()
