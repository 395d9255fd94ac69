/* SPDX-License-Identifier: MIT
 * A look at a plugin file's head before anything of it runs: what dlopen would only call "invalid" is told in full here. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "gate.h"

/* The fields that the 32-bit and the 64-bit header have in the same place. */
struct elf_head {
    unsigned char ident[EI_NIDENT];
    uint16_t type, machine;
};

static const char *machine_name(uint16_t machine, char *text, size_t capacity)
{
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_386:
        return "x86 (32 bits)";
    case EM_AARCH64:
        return "aarch64";
    case EM_ARM:
        return "arm (32 bits)";
    case EM_RISCV:
        return "riscv";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390";
    default:
        snprintf(text, capacity, "machine %u", machine);
        return text;
    }
}

/* What this process is made for, read where no table of macros can be wrong. */
static bool own_head(struct elf_head *head)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = pread(fd, head, sizeof *head, 0) == (ssize_t)sizeof *head;
    close(fd);
    return good;
}

/* A file cut short would be mapped past its end: the loader would die of SIGBUS, so it never sees such a file. */
static int32_t check_segments(int fd, const char *path, struct cvk__refusal *r)
{
    static const char fix[] = "copy the plugin again; it was cut short";
    struct stat st;
    ElfW(Ehdr) head;
    if (fstat(fd, &st) != 0 || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        head.e_phentsize != sizeof(ElfW(Phdr)) || head.e_phnum == 0)
        return cvk__refuse(r, CVK_E_FORMAT, "dlopen", fix, "%s is a damaged ELF file: its header ends early", path);
    for (uint32_t i = 0; i < head.e_phnum; i++) {
        ElfW(Phdr) part;
        uint64_t at, end;
        bool good = cvk__add_u64(head.e_phoff, (uint64_t)i * sizeof part, &at) && at <= INT64_MAX &&
                    pread(fd, &part, sizeof part, (off_t)at) == (ssize_t)sizeof part &&
                    cvk__add_u64(part.p_offset, part.p_filesz, &end);
        if (good && (part.p_type != PT_LOAD || end <= (uint64_t)st.st_size))
            continue;
        return cvk__refuse(r, CVK_E_FORMAT, "dlopen", fix,
                           "%s is a damaged ELF file: part %u of %u lies past its end (%lld bytes)", path, i + 1, head.e_phnum,
                           (long long)st.st_size);
    }
    return CVK_OK;
}

int32_t cvk__elf_check(int fd, const char *path, struct cvk__refusal *r)
{
    struct elf_head head, own;
    ssize_t got = pread(fd, &head, sizeof head, 0);
    if (got < 0)
        return cvk__refuse(r, CVK_E_IO, "dlopen", "make the file readable", "%s cannot be read: %s", path, strerror(errno));
    if (got < (ssize_t)sizeof head || memcmp(head.ident, ELFMAG, SELFMAG) != 0)
        return cvk__refuse(r, CVK_E_FORMAT, "dlopen", "copy the plugin again; it is damaged, or no shared object at all",
                           "%s is not an ELF file: %zd byte%s at its start were looked at", path, got, got == 1 ? "" : "s");
    if (!own_head(&own))
        return CVK_OK; /* dlopen will have the last word */
    bool foreign_order = head.ident[EI_DATA] != own.ident[EI_DATA];
    if (foreign_order || head.machine != own.machine || head.ident[EI_CLASS] != own.ident[EI_CLASS]) {
        char theirs[24], ours[24];
        uint16_t machine = foreign_order ? (uint16_t)(head.machine << 8 | head.machine >> 8) : head.machine;
        return cvk__refuse(r, CVK_E_UNSUPPORTED, "dlopen", "use a build of the plugin for this machine",
                           "wrong architecture: %s is for %s, this program is for %s", path,
                           machine_name(machine, theirs, sizeof theirs), machine_name(own.machine, ours, sizeof ours));
    }
    if (head.type != ET_DYN)
        return cvk__refuse(r, CVK_E_FORMAT, "dlopen", "link the plugin with -shared -fPIC",
                           "%s is an ELF file but not a shared object (type %u, wanted %u)", path, head.type, ET_DYN);
    return check_segments(fd, path, r);
}
