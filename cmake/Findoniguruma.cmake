# find_package(oniguruma): the target oniguruma::oniguruma. Debian's package has no file for CMake, but
# Oniguruma's own installation may have one of this name.
find_path(oniguruma_INCLUDE_DIR oniguruma.h)
find_library(oniguruma_LIBRARY onig)
if(oniguruma_INCLUDE_DIR)
  file(STRINGS "${oniguruma_INCLUDE_DIR}/oniguruma.h" oniguruma_numbers
    REGEX "^#define ONIGURUMA_VERSION_(MAJOR|MINOR|TEENY)")
  string(REGEX MATCHALL "[0-9]+" oniguruma_numbers "${oniguruma_numbers}")
  string(REPLACE ";" "." oniguruma_VERSION "${oniguruma_numbers}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(oniguruma
  REQUIRED_VARS oniguruma_LIBRARY oniguruma_INCLUDE_DIR VERSION_VAR oniguruma_VERSION)
if(oniguruma_FOUND AND NOT TARGET oniguruma::oniguruma)
  add_library(oniguruma::oniguruma UNKNOWN IMPORTED)
  set_target_properties(oniguruma::oniguruma PROPERTIES
    IMPORTED_LOCATION "${oniguruma_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${oniguruma_INCLUDE_DIR}")
endif()
mark_as_advanced(oniguruma_INCLUDE_DIR oniguruma_LIBRARY)
