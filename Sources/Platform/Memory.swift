internal import CLinux
import Glibc

/// How the process deals with the memory that it has freed.
package enum Memory {
    /// Keeps freed memory for the next use instead of giving it back to the kernel at once; once, before threads start.
    ///
    /// Without this the pieces of a relayed body are mapped, faulted in and unmapped one by one (mallopt(3):
    /// M_TRIM_THRESHOLD, M_MMAP_THRESHOLD).
    ///
    /// - Parameter bytes: Up to how many at the top of each arena, and from which size on a piece is mapped by itself.
    package static func keepFreed(_ bytes: Int = 8 << 20) { linux_keep_freed_memory(CInt(bytes)) }

    /// Maps memory of its own, all zero; a multiple of the page's size.
    package static func map(_ count: Int) -> UnsafeMutableRawBufferPointer {
        let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let start, start != MAP_FAILED else { preconditionFailure("out of memory: \(count) bytes") }
        return UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    /// Gives back what ``map(_:)`` gave.
    package static func unmap(_ memory: UnsafeMutableRawBufferPointer) { munmap(memory.baseAddress, memory.count) }

    /// How much memory this process may have: the machine's, or what a cgroup that it is in allows.
    package static func limit() -> Int64 {
        var limit = Int64(sysconf(CInt(_SC_PHYS_PAGES))) * Int64(sysconf(CInt(_SC_PAGESIZE)))
        guard let groups = try? Kernel.contents(of: "/proc/self/cgroup") else { return limit }
        for line in String(decoding: groups, as: UTF8.self).split(separator: "\n") {
            // number, controllers, path: version 2 has the number 0 and no controllers
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let (root, file): (String, String)
            if parts[0] == "0" {
                (root, file) = ("/sys/fs/cgroup", "memory.max")
            } else if parts[1].split(separator: ",").contains("memory") {
                (root, file) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            } else {
                continue
            }
            // A limit of any group around ours binds us too. In a container the path may be of the host.
            var path = parts[2] == "/" ? "" : String(parts[2])
            while true {
                if let bytes = try? Kernel.contents(of: root + path + "/" + file),
                    let allowed = Int64(String(decoding: bytes, as: UTF8.self).prefix { $0.isNumber })
                {
                    limit = min(limit, allowed)
                }
                guard let slash = path.lastIndex(of: "/") else { break }
                path = String(path[..<slash])
            }
        }
        return limit
    }
}

/// A file's content as memory, until the last one lets go.
///
/// Only for giving to the kernel: where the disk fails or the file has become shorter, reading it here ends the process
/// (SIGBUS), whereas a system call that reads it fails with `EFAULT`.
// Sendable because the memory is never written.
package final class MappedFile: @unchecked Sendable {
    package let bytes: UnsafeRawBufferPointer

    /// Maps the first `count` bytes; `nil` when the kernel will not.
    package init?(_ file: SharedDescriptor, count: Int) {
        guard count > 0, let start = mmap(nil, count, PROT_READ, MAP_SHARED, file.raw, 0), start != MAP_FAILED else {
            return nil
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// The beginning of a file as memory that can be written; what stands there is in the file, whatever becomes of this process.
///
/// Only bytes that the file has may be touched: beyond its end, and where the disk fails, that ends the process (SIGBUS).
package struct WritableMapping: ~Copyable, @unchecked Sendable {
    // Sendable because it is noncopyable: whoever has it says who writes.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Maps the first `count` bytes, which the file may get later.
    package init(_ file: SharedDescriptor, count: Int) throws(SystemError) {
        guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, file.raw, 0), start != MAP_FAILED else {
            throw SystemError(call: "mmap", code: errno)
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    /// Gets pages that the file has into memory, writable, so that writing them waits for nothing (madvise(2):
    /// MADV_POPULATE_WRITE, since Linux 5.14; before that it does nothing).
    ///
    /// - Parameter range: Of bytes; whole pages are taken.
    /// - Throws: ``SystemError``, also where the disk fails or the file is shorter.
    package func populate(_ range: Range<Int>) throws(SystemError) {
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        let pages = UnsafeMutableRawBufferPointer(
            rebasing: bytes[(range.lowerBound / page * page)..<max(range.lowerBound, range.upperBound)])
        guard !pages.isEmpty else { return }
        while madvise(pages.baseAddress, pages.count, 23) != 0 {
            switch errno {
            case EINTR, EAGAIN: continue
            case EINVAL: return
            default: throw SystemError(call: "madvise", code: errno)
            }
        }
    }

    /// Takes all pages out of this process's memory; the file keeps what was written (madvise(2): MADV_DONTNEED).
    package func letGo() { madvise(bytes.baseAddress, bytes.count, CInt(MADV_DONTNEED)) }

    deinit { munmap(bytes.baseAddress, bytes.count) }
}
