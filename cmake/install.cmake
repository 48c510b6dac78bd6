# SPDX-License-Identifier: MIT
# Headers, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(tern_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/tern)

install(DIRECTORY include/tern DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS tern EXPORT tern-targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tern-targets NAMESPACE tern:: DESTINATION ${tern_package_dir})

configure_package_config_file(cmake/tern-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/tern-config.cmake
                              INSTALL_DESTINATION ${tern_package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tern-config-version.cmake COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tern-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/tern-config-version.cmake
              cmake/tern-xsimd.cmake cmake/tern-architectures.cmake cmake/tern-dispatch.cmake
        DESTINATION ${tern_package_dir})
install(FILES cmake/dispatch/kernels.cpp DESTINATION ${tern_package_dir}/dispatch)

# The prefix is where the file lies, so that a moved tree keeps working.
cmake_path(SET tern_pkgconfig_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")
file(RELATIVE_PATH tern_prefix_from_pc "/${tern_pkgconfig_dir}" "/")
configure_file(cmake/tern.pc.in ${CMAKE_CURRENT_BINARY_DIR}/tern.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tern.pc DESTINATION ${tern_pkgconfig_dir})
