# Read by cpack for each kind of package: only the archive carries other projects' libraries.
if(CPACK_GENERATOR STREQUAL "DEB")
  set(CPACK_COMPONENTS_ALL Unspecified)
else()
  set(CPACK_COMPONENTS_ALL Unspecified bundle)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
endif()
