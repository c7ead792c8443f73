# What `cpack` makes of a build: an archive that runs where it is unpacked, with the libraries that the
# program needs beside it, and a Debian package, which depends on Debian's own.
#
#   cpack --config build/release/CPackConfig.cmake -B build/packages        # both
#   cpack --config build/release/CPackConfig.cmake -B build/packages -G DEB
if(NOT PROJECT_IS_TOP_LEVEL OR NOT TARGET bge_cli)
  return()
endif()

# All libraries but those of glibc itself, which every system has and which must fit its kernel.
set(BGE_BUNDLE_DIR ${CMAKE_INSTALL_LIBDIR}/bge)
install(RUNTIME_DEPENDENCY_SET bge_bundle
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv|util|anl|nss_[a-z]+)\\.so"
  POST_EXCLUDE_REGEXES "/ld-linux[^/]*$" "/lib(c|m|dl|rt|pthread|resolv|util|anl)\\.so\\.[0-9]+$"
  LIBRARY DESTINATION ${BGE_BUNDLE_DIR} COMPONENT bundle EXCLUDE_FROM_ALL)
# And what their Debian packages say of their licences.
install(CODE "set(bge_bundle_dir \"${BGE_BUNDLE_DIR}\")\nset(bge_doc_dir \"${BGE_DOCDIR}\")"
  COMPONENT bundle EXCLUDE_FROM_ALL)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/bge_notices.cmake COMPONENT bundle EXCLUDE_FROM_ALL)

set(CPACK_PACKAGE_NAME bge)
set(CPACK_PACKAGE_VENDOR "bge.cpp")
set(CPACK_PACKAGE_CONTACT "the developers of bge.cpp <bge@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "embed, rerank, index and search text with BGE models")
set(CPACK_PACKAGE_DESCRIPTION
  "A command and a C++20 library that compute the embeddings of BGE and other encoder models,
 rerank, and search, from the directories that Hugging Face publishes. They need no Python.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_MONOLITHIC_INSTALL OFF)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_FILE_NAME bge-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
# Opened at run time for downloads only, so that no scanner of dependencies finds it.
if(BGE_HUB)
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libcurl4, ca-certificates")
endif()
# What the library's own package files ask for.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libhwy-dev, libsimdjson-dev, libfmt-dev, libssl-dev, libonig-dev")
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/bge_package_parts.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/bge_debian_files.cmake)
include(CPack)
