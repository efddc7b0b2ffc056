"""The PostgreSQL settings that a profile may carry, with their type and range.

Types and ranges are those of PostgreSQL 15 (`postgres --describe-config`). Settings that decide where the
cluster lives or who reaches it are the testbed's own.
"""

from __future__ import annotations

import re
from typing import Final

from collectors.errors import PlanError
from collectors.plan.document import Item, unknown

_MEMORY = re.compile(r"(\d{1,9})\s*(B|kB|MB|GB|TB)")
_BYTES: Final = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_TIME = re.compile(r"(\d{1,9})\s*(us|ms|s|min|h|d)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SWITCHES: Final = _names(
    """
    autovacuum enable_bitmapscan enable_hashagg enable_hashjoin enable_indexonlyscan enable_indexscan
    enable_material enable_memoize enable_mergejoin enable_nestloop enable_seqscan enable_sort fsync
    full_page_writes jit log_checkpoints log_connections log_disconnections log_lock_waits
    track_activities track_counts track_io_timing track_wal_io_timing
    wal_init_zero wal_log_hints wal_recycle pg_stat_statements.save pg_stat_statements.track_planning
    pg_stat_statements.track_utility
    """
)
CHOICES: Final = {
    "synchronous_commit": ("on", "off", "local", "remote_write", "remote_apply"),
    "huge_pages": ("on", "off", "try"),
    "wal_compression": ("on", "off", "pglz", "lz4", "zstd"),
    "wal_level": ("minimal", "replica", "logical"),
    "wal_sync_method": ("fsync", "fdatasync", "fsync_writethrough", "open_sync", "open_datasync"),
    "log_statement": ("none", "ddl", "mod", "all"),
    "password_encryption": ("scram-sha-256", "md5"),
    "pg_stat_statements.track": ("none", "top", "all"),
    "shared_preload_libraries": ("pg_stat_statements", "auto_explain"),
}
WHOLE: Final = {
    "autovacuum_max_workers": (1, 262_143),
    "bgwriter_lru_maxpages": (0, 1_073_741_823),
    "commit_delay": (0, 100_000),
    "commit_siblings": (0, 1000),
    "default_statistics_target": (1, 10_000),
    "effective_io_concurrency": (0, 1000),
    "from_collapse_limit": (1, 2**31 - 1),
    "join_collapse_limit": (1, 2**31 - 1),
    "max_connections": (1, 262_143),
    "max_files_per_process": (64, 2**31 - 1),
    "max_locks_per_transaction": (10, 2**31 - 1),
    "max_parallel_maintenance_workers": (0, 1024),
    "max_parallel_workers": (0, 1024),
    "max_parallel_workers_per_gather": (0, 1024),
    "max_prepared_transactions": (0, 262_143),
    "max_wal_senders": (0, 262_143),
    "max_worker_processes": (0, 262_143),
    "superuser_reserved_connections": (0, 262_143),
    "pg_stat_statements.max": (100, 1_073_741_823),
}
REALS: Final = {
    "bgwriter_lru_multiplier": (0, 10),
    "checkpoint_completion_target": (0, 1),
    "cpu_index_tuple_cost": (0, 1e300),
    "cpu_operator_cost": (0, 1e300),
    "cpu_tuple_cost": (0, 1e300),
    "hash_mem_multiplier": (1, 1000),
    "jit_above_cost": (-1, 1e300),
    "jit_inline_above_cost": (-1, 1e300),
    "jit_optimize_above_cost": (-1, 1e300),
    "parallel_setup_cost": (0, 1e300),
    "parallel_tuple_cost": (0, 1e300),
    "random_page_cost": (0, 1e300),
    "seq_page_cost": (0, 1e300),
}
MEMORY: Final = {
    "autovacuum_work_mem": 1 << 20,
    "effective_cache_size": 8 << 10,
    "logical_decoding_work_mem": 64 << 10,
    "maintenance_work_mem": 1 << 20,
    "max_wal_size": 2 << 20,
    "min_wal_size": 2 << 20,
    "shared_buffers": 128 << 10,
    "temp_buffers": 800 << 10,
    "wal_buffers": 32 << 10,
    "work_mem": 64 << 10,
}
"""Least bytes of each amount of memory; a unit is required, since a bare number means pages for one and kB
for another.
"""
TIMES: Final = _names(
    """
    autovacuum_naptime bgwriter_delay checkpoint_timeout checkpoint_warning deadlock_timeout
    idle_in_transaction_session_timeout idle_session_timeout lock_timeout log_autovacuum_min_duration
    log_min_duration_statement statement_timeout tcp_user_timeout wal_writer_delay
    """
)
OWN: Final = _names(
    """
    archive_command archive_mode cluster_name config_file data_directory hba_file ident_file
    listen_addresses log_destination logging_collector port ssl ssl_cert_file ssl_key_file
    unix_socket_directories
    """
)
"""Settings that the testbed's own role decides."""

KEYS: Final = sorted({*SWITCHES, *CHOICES, *WHOLE, *REALS, *MEMORY, *TIMES})


def check_setting(key: str, item: Item) -> str:
    """The setting's value as PostgreSQL reads it; on and off may be written without quotes.

    Raises PlanError for an unknown key, one that the testbed sets itself, and a value of a wrong type or
    range.
    """
    if key in OWN:
        raise PlanError(
            f"{item.where}: {item.name} cannot be in a profile, the testbed sets it itself; allowed: leave "
            "it out"
        )
    if key not in KEYS:
        raise unknown("postgresql setting", key, KEYS, item.where)
    value = {True: "on", False: "off"}.get(item.value) if isinstance(item.value, bool) else item.scalar()
    if value is None:
        raise item.refuse(item.shown(), "a value")
    if (allowed := _wrong(key, value)) is not None:
        raise item.refuse(f"is {value!r}", allowed)
    return value


def _wrong(key: str, value: str) -> str | None:
    """What is allowed, when value is not."""
    if key in SWITCHES:
        return None if value in ("on", "off") else "on, off"
    if key in CHOICES:
        return None if value in CHOICES[key] else ", ".join(CHOICES[key])
    if key in WHOLE:
        low, high = WHOLE[key]
        return (
            None
            if re.fullmatch(r"\d{1,10}", value) and low <= int(value) <= high
            else f"a whole number from {low} to {high}"
        )
    if key in REALS:
        return _wrong_real(value, *REALS[key])
    if key in MEMORY:
        return _wrong_memory(value, MEMORY[key])
    return (
        None
        if value in ("0", "-1") or _TIME.fullmatch(value)
        else "a whole number with a unit: us, ms, s, min, h, d (or 0, -1)"
    )


def _wrong_real(value: str, low: float, high: float) -> str | None:
    fits = re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value) and low <= float(value) <= high
    return None if fits else f"a number from {low:g} to {high:g}"


def _wrong_memory(value: str, least: int) -> str | None:
    found = _MEMORY.fullmatch(value)
    fits = found is not None and int(found[1]) * _BYTES[found[2]] >= least
    return (
        None
        if fits
        else f"an amount of memory with its unit (B, kB, MB, GB, TB), at least {least // 1024} kB"
    )
