# What must be installed. All that is missing is said at once, by the names of Debian's packages.

set(BGE_MISSING_PACKAGES)

# bge_need(PACKAGE VERSION DEBIAN_PACKAGE [ARGUMENT…]): find_package, whose further arguments may
# follow. A macro: what it finds is the caller's.
# Some packages take 3.12 to be no 3.0 (simdjson): there the version that is found is looked at.
macro(bge_need package version debian)
  find_package(${package} ${version} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    find_package(${package} QUIET ${ARGN})
    if("${${package}_VERSION}" VERSION_LESS "${version}")
      set(${package}_FOUND FALSE)
    endif()
  endif()
  if(NOT ${package}_FOUND)
    list(APPEND BGE_MISSING_PACKAGES "${debian} (${package} >= ${version})")
  endif()
endmacro()

# Ends the configuration here if something is missing.
function(bge_check_packages)
  if(NOT BGE_MISSING_PACKAGES)
    return()
  endif()
  list(JOIN BGE_MISSING_PACKAGES "\n  " missing)
  list(TRANSFORM BGE_MISSING_PACKAGES REPLACE " .*" "" OUTPUT_VARIABLE names)
  list(JOIN names " " names)
  message(FATAL_ERROR "bge needs packages that are not here, or are too old:\n  ${missing}\n"
    "On Debian and Ubuntu: apt-get install ${names}")
endfunction()
