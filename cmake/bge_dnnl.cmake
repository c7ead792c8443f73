# Finds oneDNN as the imported target DNNL::dnnl. Debian's own package configuration insists on the
# OpenCL headers, which only a GPU build would need; header and library are enough for us.
find_path(BGE_DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h)
find_library(BGE_DNNL_LIBRARY dnnl)
if(NOT BGE_DNNL_INCLUDE_DIR OR NOT BGE_DNNL_LIBRARY)
  message(FATAL_ERROR "oneDNN is missing: install libdnnl-dev (2.6 or newer)")
endif()
file(STRINGS ${BGE_DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h version_lines
     REGEX "#define DNNL_VERSION_(MAJOR|MINOR) +[0-9]+")
string(REGEX MATCHALL "[0-9]+" version_numbers "${version_lines}")
list(JOIN version_numbers "." BGE_DNNL_VERSION)
if(BGE_DNNL_VERSION VERSION_LESS 2.6)
  message(FATAL_ERROR "oneDNN ${BGE_DNNL_VERSION} in ${BGE_DNNL_INCLUDE_DIR} is too old: 2.6 or newer is needed")
endif()
message(STATUS "Found oneDNN: ${BGE_DNNL_LIBRARY} (${BGE_DNNL_VERSION})")
add_library(DNNL::dnnl UNKNOWN IMPORTED)
set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION ${BGE_DNNL_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${BGE_DNNL_INCLUDE_DIR})
