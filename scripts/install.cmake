# What `cmake --install` puts where: the program, the library and its header, and how others find
# it, by pkg-config and by find_package(redferry). Included by the top CMakeLists.txt.

include(CMakePackageConfigHelpers)

install(TARGETS redferry EXPORT redferryTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/redferry)
if(TARGET redferry_program)
    install(TARGETS redferry_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

    # What the program says of itself: its manual page, and completions where each shell looks.
    set(said ${CMAKE_BINARY_DIR}/generated)
    add_custom_command(TARGET redferry_program POST_BUILD VERBATIM
        COMMAND redferry_program help --man > ${said}/redferry.1
        COMMAND redferry_program completion bash > ${said}/redferry.bash
        COMMAND redferry_program completion zsh > ${said}/redferry.zsh
        COMMAND redferry_program completion fish > ${said}/redferry.fish)
    install(FILES ${said}/redferry.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES docs/man/redferry-migration.5 docs/man/redferry-ledger.5
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
    set(share ${CMAKE_INSTALL_DATADIR})
    install(DIRECTORY docs/schemas DESTINATION ${share}/redferry PATTERN "*.schema.json" EXCLUDE)
    file(GLOB authors_schemas CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/schemas/*.schema.json)
    install(FILES ${authors_schemas} DESTINATION ${share}/redferry)
    install(FILES ${said}/redferry.bash DESTINATION ${share}/bash-completion/completions RENAME redferry)
    install(FILES ${said}/redferry.zsh DESTINATION ${share}/zsh/site-functions RENAME _redferry)
    install(FILES ${said}/redferry.fish DESTINATION ${share}/fish/vendor_completions.d)
endif()

# A static library leaves linking what it needs to its user; a shared one has done so itself.
set(needs "libpq sqlite3 hiredis yaml-0.1 openssl jansson")
set(requires "Requires")
set(find_needs)
if(BUILD_SHARED_LIBS)
    set(requires "Requires.private")
else()
    set(find_needs "include(CMakeFindDependencyMacro)\nfind_dependency(PkgConfig)\n")
    foreach(need libpq=libpq sqlite3=sqlite3 hiredis=hiredis yaml=yaml-0.1 crypto=libcrypto ssl=libssl
            jansson=jansson)
        string(REPLACE "=" ";" pair ${need})
        list(GET pair 0 name)
        list(GET pair 1 module)
        string(APPEND find_needs "pkg_check_modules(${name} REQUIRED QUIET IMPORTED_TARGET ${module})\n")
    endforeach()
endif()

# The prefix is found from where the file lies, so that `cmake --install --prefix` may move it.
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(WRITE ${CMAKE_BINARY_DIR}/generated/redferry.pc "\
prefix=\${pcfiledir}/${up}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}

Name: redferry
Description: ${PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
${requires}: ${needs}
Cflags: -I\${includedir}
Libs: -L\${libdir} -lredferry
")
install(FILES ${CMAKE_BINARY_DIR}/generated/redferry.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/redferry)
file(WRITE ${CMAKE_BINARY_DIR}/generated/redferryConfig.cmake "\
${find_needs}include(\${CMAKE_CURRENT_LIST_DIR}/redferryTargets.cmake)
")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/redferryConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_BINARY_DIR}/generated/redferryConfig.cmake
    ${CMAKE_BINARY_DIR}/generated/redferryConfigVersion.cmake
    DESTINATION ${package})
install(EXPORT redferryTargets NAMESPACE redferry:: DESTINATION ${package})
