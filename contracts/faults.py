"""The fault table: every way in which Tallystick may refuse something, with its code, sentence, hint and
statuses.

It is here, in the corridor, so that a refusal reads the same over HTTP, on the command line, in a kept
rejection and in the documentation, and so that one test can hold the table complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

FaultFamily = Literal["rejected", "conflict", "unavailable"]
"""By what the caller may do: change the input, look again and retry, retry later."""

EXIT_STATUS: dict[FaultFamily, int] = {"rejected": 3, "conflict": 4, "unavailable": 5}
"""Exit status of a command by family. 0 is success, 1 an unexpected failure, 2 a wrong command line."""

DOCS_PAGE = "/docs/errors"


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One row of the table. ``room`` says which part of the house emits it."""

    code: str
    title: str
    hint: str
    family: FaultFamily
    http_status: int
    room: str

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.family]


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, as told to the one who can do something about it.

    ``detail`` says what was found, ``pointer`` is an RFC 6901 JSON pointer to the field ("" for the whole),
    ``hint`` says how to put it right, and ``extra`` carries values a program may want (digests, allowed
    values, further errors).
    """

    code: str
    title: str
    detail: str
    pointer: str = ""
    hint: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> FaultSpec:
        return FAULTS[self.code]

    @property
    def family(self) -> FaultFamily:
        return self.spec.family

    @property
    def http_status(self) -> int:
        return self.spec.http_status

    @property
    def exit_status(self) -> int:
        return self.spec.exit_status

    @property
    def docs(self) -> str:
        """The documentation's section about this code, relative to where Tallystick is served."""
        return f"{DOCS_PAGE}#{self.code}"

    def as_dict(self) -> dict[str, Any]:
        """A JSON object: code, title, detail, pointer, hint, docs, then ``extra``'s members."""
        known = {
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "pointer": self.pointer,
            "hint": self.hint,
            "docs": self.docs,
        }
        return {**self.extra, **known}


class Fault(Exception):
    """The root of every error Tallystick raises on purpose.

    ``problem`` says which and what to do about it.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class RejectedFault(Fault):
    """The input must change before it can be taken."""


class ConflictFault(Fault):
    """The input disagrees with what is recorded: look again, then decide."""


class UnavailableFault(Fault):
    """Nothing is wrong with the input: try again later."""


FAULT_CLASSES: dict[FaultFamily, type[Fault]] = {
    "rejected": RejectedFault,
    "conflict": ConflictFault,
    "unavailable": UnavailableFault,
}

_ROWS: tuple[tuple[str, str, int, FaultFamily, str, str], ...] = (
    # Parsing: the bytes are not one strict JSON object.
    ("parse", "not_utf8", 400, "rejected", "The bytes are not UTF-8.",
     "Encode the body as UTF-8 without a byte order mark."),
    ("parse", "not_json", 400, "rejected", "The body is not JSON.",
     "Check the place named in the detail; RFC 8259 allows no comments, trailing commas or single quotes."),
    ("parse", "duplicate_key", 400, "rejected", "An object names the same key twice.",
     "Keep one of the two: which one counts would depend on the reader."),
    ("parse", "not_a_number", 400, "rejected", "NaN and Infinity are not JSON.",
     "Leave the field out where there is no number."),
    ("parse", "number_out_of_range", 400, "rejected", "A number is too large to be kept exactly.",
     "Numbers must lie within ±(2^53 - 1); send longer digit strings, such as case numbers, as text."),
    ("parse", "lone_surrogate", 400, "rejected", "A text holds half of a surrogate pair.",
     "The text was cut inside a character; send whole Unicode characters."),
    ("parse", "too_deep", 400, "rejected", "The JSON is nested too deeply.",
     "Flatten the value; the limits page says how deep an event may be."),
    ("parse", "too_large", 413, "rejected", "The body is larger than allowed.",
     "Split the batch, or leave out what the contract does not ask for; the limits page has the sizes."),
    ("parse", "batch_too_long", 413, "rejected", "The batch holds too many events.",
     "Send it in several requests; the limits page says how many fit in one."),
    ("parse", "not_an_object", 400, "rejected", "An event must be a JSON object.",
     "Send one object per event, or a JSON array of objects as a batch."),
    ("parse", "not_an_array", 400, "rejected", "A batch must be a JSON array.",
     "Wrap the events in [ ], or send a single event as application/cloudevents+json."),
    ("parse", "content_type_unsupported", 415, "rejected", "The content type is not one this ledger reads.",
     "Use application/cloudevents+json or -batch+json, or ce-* headers with application/json."),
    # The envelope.
    ("envelope", "specversion_unsupported", 422, "rejected", "Only CloudEvents 1.0 is spoken here.",
     'Set specversion to "1.0".'),
    ("envelope", "attribute_missing", 422, "rejected", "A required attribute is missing.",
     "Add the attribute named by the pointer."),
    ("envelope", "attribute_invalid", 422, "rejected", "An attribute breaks its rule.",
     "Change the attribute named by the pointer as the detail says."),
    ("envelope", "type_unknown", 422, "rejected", "The event type is not in the catalogue.",
     "Use a type listed under /v1/contracts."),
    ("envelope", "version_unknown", 422, "rejected", "The catalogue has no such version of the event type.",
     "Use a version listed under /v1/contracts."),
    ("envelope", "type_retired", 422, "rejected", "This version of the event type is no longer taken.",
     "Send the current version; what was recorded earlier stays readable."),
    ("envelope", "time_missing", 422, "rejected", "The event does not say when it happened.",
     "Send time (RFC 3339 with an offset), or timeunknown: true if your system holds no moment; never guess."),
    ("envelope", "subject_mismatch", 422, "rejected", "The subject does not agree with the data.",
     "Set subject to the value given in the detail."),
    ("envelope", "supersedes_itself", 422, "rejected", "An event cannot supersede itself.",
     "Give the new event an id of its own, and name the old id in supersedes."),
    ("envelope", "supersedes_contradicted", 422, "rejected", "The event names two different events to supersede.",
     "Leave the attribute supersedes out, or give it the value of data.supersedes."),
    ("envelope", "supersedes_not_allowed", 422, "rejected", "A decision is not corrected by superseding.",
     "Record a new decision; the earlier one stays as it was taken."),
    ("envelope", "agency_missing", 422, "rejected", "The event does not say which agency speaks.",
     "Add the attribute agency, or send with a credential that belongs to an agency."),
    ("envelope", "agency_not_entitled", 403, "rejected", "The sender may not speak for this agency.",
     "Send under the agency of your credential, or ask the operator to extend the credential."),
    # The payload.
    ("data", "data_missing", 422, "rejected", "The event carries no data.",
     "Add data: a JSON object with the fields of this event type."),
    ("data", "field_missing", 422, "rejected", "A required field is missing.",
     "Add the field named by the pointer."),
    ("data", "field_unknown", 422, "rejected", "The contract does not know this field.",
     "Remove it, or check its spelling against the contract."),
    ("data", "data_invalid", 422, "rejected", "A field breaks its rule.",
     "Change the field named by the pointer as the detail says."),
    ("data", "contract_incompatible", 409, "conflict", "A contract was changed in a way that breaks what was released.",
     "Undo the change, or declare it as a new version of the type with an upcaster from the one before."),
    ("data", "definition_invalid", 422, "rejected", "The KPI definition is not well formed.",
     "Check it against the published schema of KPI definitions."),
    # The ledger.
    ("ledger", "identity_conflict", 409, "conflict", "This source has used this id for other content.",
     "To repeat, send the same content; to change, send a new id with supersedes set to the old."),
    ("ledger", "version_stale", 409, "conflict", "What the decision is about has changed in the meantime.",
     "Read the current version, decide again, and send it as expectedversion."),
    ("ledger", "decision_refused", 409, "conflict", "The decision breaks a rule of governance.",
     "See the rule named in the detail."),
    ("ledger", "decision_undated", 422, "rejected", "A decision must say when it was taken.",
     "Send time (RFC 3339 with an offset): of several decisions the latest stands, so each needs its moment."),
    ("ledger", "decision_out_of_order", 409, "conflict", "The decision is dated before the last one it would follow.",
     "Check its time. A new decision changes what stands; one that was never sent cannot be put in between."),
    ("ledger", "decision_held_elsewhere", 409, "conflict", "Another plan or agreement already holds this.",
     "Record it under the plan or agreement that holds it, or give the new one an id of its own."),
    ("ledger", "plan_already_adopted", 409, "conflict", "This version of the plan is already adopted.",
     "Adopt the plan under a higher version."),
    ("ledger", "plan_not_adopted", 409, "conflict", "There is no such adopted plan.",
     "Record plan.adopted first."),
    ("ledger", "goal_unknown", 409, "conflict", "The plan has no such goal.",
     "Record goal.set first, or correct the goal's id."),
    ("ledger", "objective_unknown", 409, "conflict", "The plan has no such objective.",
     "Record objective.set first, or correct the objective's id."),
    ("ledger", "kpi_not_defined", 409, "conflict", "The plan defines no such KPI.",
     "Record kpi.defined first, or correct the KPI's id."),
    ("ledger", "kpi_version_exists", 409, "conflict", "This version of the KPI is already defined.",
     "Define the changed KPI under the next version number; a definition is never changed in place."),
    ("ledger", "kpi_already_retired", 409, "conflict", "The KPI is already retired.",
     "Define a new version if it is to be measured again."),
    ("ledger", "agreement_already_signed", 409, "conflict", "The agreement is already signed.",
     "Record agreement.amended to change it."),
    ("ledger", "agreement_not_signed", 409, "conflict", "There is no such signed agreement.",
     "Record agreement.signed first, or correct the agreement's id."),
    ("ledger", "agreement_already_ended", 409, "conflict", "The agreement has ended.",
     "Sign a new agreement; an ended one takes no further decisions."),
    ("ledger", "commitment_exists", 409, "conflict", "The agreement already holds this commitment.",
     "Give the new commitment an id of its own."),
    ("ledger", "party_unknown", 409, "conflict", "The obligor or obligee is no party to the agreement.",
     "Name one of the agreement's parties, or amend the agreement first."),
    ("ledger", "already_recorded", 409, "conflict", "It is recorded once and does not change.",
     "Record what followed under an id of its own."),
    ("ledger", "action_already_opened", 409, "conflict", "The action is already open.",
     "Give the new action an id of its own."),
    ("ledger", "action_not_opened", 409, "conflict", "The action was never opened.",
     "Open it first with action.opened."),
    ("ledger", "action_already_closed", 409, "conflict", "The action is closed.",
     "Open another action for what is left to do."),
    ("ledger", "review_already_scheduled", 409, "conflict", "The review is already scheduled.",
     "Hold it, or schedule another review under an id of its own."),
    ("ledger", "review_already_held", 409, "conflict", "The review has been held.",
     "What was known then is fixed; hold the next review under an id of its own."),
    ("ledger", "review_of_another_plan", 409, "conflict", "The review is of another plan.",
     "Name the plan it was scheduled for, or give this review an id of its own."),
    ("ledger", "review_ahead_of_ledger", 409, "conflict", "The review is held as of an event that is not recorded.",
     "as_of is the log_index of a recorded event, at most the ledger's last."),
    # Not now.
    ("availability", "busy", 429, "unavailable", "The intake queue is full.",
     "Send again after the time given in Retry-After; nothing was recorded."),
    ("availability", "home_in_use", 503, "unavailable", "Another process writes to this ledger.",
     "Stop the other process, or send events to it over HTTP."),
    ("availability", "home_missing", 503, "unavailable", "There is no ledger in this directory.",
     "Check --home; a new ledger is created by the first record, import or demo."),
    ("availability", "home_unusable", 503, "unavailable", "The ledger's directory or file cannot be used.",
     "Check that the directory exists, is writable and holds an undamaged ledger; see tallystick doctor."),
    ("availability", "not_migrated", 503, "unavailable", "The database lacks tables of this version.",
     "Run tallystick migrate once, then start again."),
    ("availability", "database_unavailable", 503, "unavailable", "The database cannot be reached or refuses.",
     "Send again after a while; nothing was recorded that was not acknowledged. See tallystick doctor."),
    ("availability", "database_unsuitable", 503, "unavailable", "The database is not set up to keep a ledger.",
     "Change the setting of the server named in the detail."),
    ("availability", "storage_full", 507, "unavailable", "The disk is full.",
     "Free some space and send again; nothing was recorded that was not acknowledged."),
    ("availability", "closing", 503, "unavailable", "The ledger is shutting down.",
     "Send again once it is back; nothing was recorded."),
    ("availability", "views_behind", 503, "unavailable", "The read models have not caught up.",
     "Wait, or watch the lag metric; the ledger itself is complete."),
    ("availability", "views_in_use", 503, "unavailable", "Another process builds or keeps these views.",
     "Wait until it is done, or stop it; the ledger and the views that are read are as they were."),
    ("availability", "projection_stopped", 503, "unavailable", "A projection stopped: too much could not be applied.",
     "See tallystick quarantine; replay it after the cause is put right."),
    ("availability", "integrity_broken", 503, "unavailable", "The ledger does not verify.",
     "Stop writing, keep the files, and run tallystick verify."),
    ("availability", "broker_unreachable", 503, "unavailable", "The broker cannot be reached or refuses.",
     "Check the setting broker and that the broker runs; what was acknowledged is in the ledger and goes out later."),
    ("availability", "topic_unsuitable", 503, "unavailable", "A topic is not as this ledger needs it.",
     "Set events_partitions to what the topic has, or give this ledger a topic_prefix of its own."),
    ("availability", "message_unreadable", 503, "unavailable", "A message is not one that the relay sent.",
     "Let nobody but the relay write to the topic of events; workers read what is missing from the ledger."),
    ("availability", "lease_lost", 503, "unavailable", "Another process has taken over.",
     "Nothing is to be done: what this one had not saved, the other does."),
    ("availability", "internal_error", 500, "unavailable", "Something went wrong inside Tallystick.",
     "Send again; if it stays, report the reference given in the detail."),
    # Who may ask.
    ("auth", "credentials_missing", 401, "rejected", "This ledger asks for a credential.",
     "Send Authorization: Bearer <token>."),
    ("auth", "credentials_invalid", 401, "rejected", "The credential is not known or has expired.",
     "Ask the operator for a new one."),
    ("auth", "not_allowed", 403, "rejected", "The credential does not allow this.",
     "Ask the operator to extend the credential."),
    ("auth", "loopback_only", 503, "rejected", "Without credentials the ledger serves this machine only.",
     "Set up credentials, or bind to 127.0.0.1."),
    # What was asked for.
    ("lookup", "not_found", 404, "rejected", "There is nothing under this name.",
     "Check the spelling; lists are under /v1."),
    ("lookup", "method_not_allowed", 405, "rejected", "This address does not take this method.",
     "See /docs for what each address takes."),
    ("lookup", "request_invalid", 400, "rejected", "A parameter of the request breaks its rule.",
     "Change the parameter named in the detail."),
    ("lookup", "period_invalid", 400, "rejected", "This is not a period.",
     'Use a month "2025-03", a quarter "2025-Q1", a year "2025", or "all".'),
    ("lookup", "kpi_unknown", 404, "rejected", "There is no such KPI.",
     "See /v1/kpis for the KPIs of this ledger."),
    ("lookup", "agency_unknown", 404, "rejected", "There is no such agency.",
     "See /v1/agencies for the agencies of this ledger, and spell the id as it stands there."),
    ("lookup", "group_unknown", 404, "rejected", "The KPI has no such group in this period.",
     'Use "all", or a group listed on the KPI\'s page.'),
    ("lookup", "basis_unavailable", 400, "rejected", "The KPI cannot be read as confirmed.",
     "Read it as claimed: nobody else is to confirm what it counts."),
    ("lookup", "as_of_invalid", 400, "rejected", "This is not a moment or log_index of the ledger.",
     "Use an RFC 3339 moment with an offset, or a log_index between 1 and the head."),
    ("lookup", "zone_unknown", 400, "rejected", "This is not a time zone.",
     'Use a name from the IANA database, such as "America/Los_Angeles".'),
    ("lookup", "generation_unknown", 404, "rejected", "There is no such generation of views.",
     "tallystick rebuild --list names those there are."),
    ("lookup", "generation_live", 409, "conflict", "The generation of views is the one that is read.",
     "Switch to another one first."),
    ("lookup", "views_differ", 409, "conflict", "The views built anew differ from those that are read.",
     "See what differs; switch all the same with --accept-differences, or find the cause first."),
    # Definitions, mappings, files, settings.
    ("file", "mapping_unknown", 404, "rejected", "There is no such mapping.",
     "Give the name of a shipped mapping or the path of a mapping file."),
    ("file", "mapping_invalid", 400, "rejected", "The mapping file breaks its rules.",
     "Change the place named in the detail."),
    ("file", "file_missing", 404, "rejected", "There is no such file.", "Check the path."),
    ("file", "file_unreadable", 400, "rejected", "The file cannot be read as what it should be.",
     "Check that it is a CSV, XLSX or JSON-lines file and not open elsewhere."),
    ("file", "column_missing", 400, "rejected", "The file lacks a column the mapping needs.",
     "Export the file with that column, or change the mapping."),
    ("file", "value_unmapped", 422, "rejected", "A local value has no standard code in the mapping.",
     "Add the value to the mapping; nothing is guessed."),
    ("file", "settings_invalid", 400, "rejected", "A setting breaks its rule.",
     "Change the setting named in the detail; see the settings reference."),
    ("file", "settings_differ", 409, "conflict", "A setting is not that of this ledger's other processes.",
     "Give it their value. To change it for all: stop them, run tallystick migrate --adopt, then tallystick rebuild."),
    ("file", "target_not_empty", 409, "conflict", "The ledger to copy into is not empty.",
     "Copy into a new home or a database that was only migrated."),
    ("file", "ledger_damaged", 503, "unavailable", "The ledger does not agree with itself.",
     "Run tallystick verify on it; restore it from a backup where it names damage."),
    ("file", "definition_unplaced", 422, "rejected", "It is not known where in the plan the KPI belongs.",
     "Name its plan and objective."),
    ("file", "definition_unchanged", 422, "rejected", "The new version would change nothing.",
     "Change the definition, its owner, its objective or the day from which it counts."),
    ("file", "package_missing", 503, "unavailable", "This needs a package that is not installed.",
     "Install the package named in the detail."),
)  # fmt: skip

FAULTS: dict[str, FaultSpec] = {
    code: FaultSpec(code, title, hint, family, status, room) for room, code, status, family, title, hint in _ROWS
}
"""Code -> its row, in the order of the documentation."""


def problem(code: str, detail: str = "", pointer: str = "", *, hint: str = "", **extra: Any) -> Problem:
    """A Problem with the table's sentence and, unless a better one is given, its hint.

    KeyError on an unknown code.
    """
    spec = FAULTS[code]
    return Problem(code, spec.title, detail or spec.title, pointer, hint or spec.hint, extra)


def fault(code: str, detail: str = "", pointer: str = "", *, hint: str = "", **extra: Any) -> Fault:
    """The exception for ``code``, of the class of its family, ready to raise."""
    told = problem(code, detail, pointer, hint=hint, **extra)
    return FAULT_CLASSES[told.family](told)
