"""What a request's words are understood to say, before anything is created."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec

from api.subjects import Subjects
from domain.consent import facts, receipts, verdicts
from domain.consent.mentioned import with_mentioned
from domain.safety.screen import Asker, Screen
from domain.understanding.choose import phrase_key, phrases_of, screened_texts
from domain.videos.drafts import COMPOSED_FROM, ReadWords, is_composed, kept_pictures, understood_of
from domain.videos.ingredients import usable_sources
from domain.videos.mentions import CameoIdentity, marked
from domain.videos.record import VideoRow
from schemas.errors import Code, RiffleError
from schemas.library import Candidate
from schemas.prompts import PromptUnderstood, SubjectChoice
from schemas.videos import MAX_SEED, CreateVideo, ModelCard, PickedPicture, Recipe, Relation

# The model server is asked again for what it had no time for.
RETRY_AFTER_S = 2


async def understand(
    request: CreateVideo, card: ModelCard, subjects: Subjects, screen: Screen, who: Asker
) -> ReadWords | None:
    """What a checked and screened request says; None where its model has no pictures, or nobody can read it.

    What was found is screened too: no picture stands for words that would have been refused.

    Raises:
        RiffleError: invalid_request (`subjects`), likeness_protected, moderation_refused, busy; of a source
            what `usable_sources` raises.
    """
    sources = []
    if request.subjects is None and _starts_composed(request):
        rows = await usable_sources(who.account, request.source, who.now)
        sources = [row.recipe for row in rows]
    cameos = await receipts.identities(await with_mentioned(request.cameos, [request.prompt]))
    words = await _read(request, card, subjects, sources, cameos)
    if words is not None:
        texts = screened_texts(words.reading, request.prompt, words.picked)
        await screen.check_found(who, texts, [cameo.id for cameo in cameos])
    return words


async def dry_run(
    request: CreateVideo, card: ModelCard, subjects: Subjects, screen: Screen, who: Asker
) -> PromptUnderstood:
    """What the recipe of a checked request would have as `understood`; nothing is drawn, nor recorded.

    No other service is asked about words that are still being typed.

    Raises:
        RiffleError: invalid_request, busy; of a source not_found, not_ready, gone, consent_refused,
            invalid_state.
    """
    rows = await usable_sources(who.account, request.source, who.now)
    cameos = await _usable_cameos(request, rows, screen, who)
    ids = [cameo.id for cameo in cameos]
    request = msgspec.structs.replace(request, cameos=ids)
    parents = [row.id for row in rows]
    rules = await screen.refusing_rules(who, request.prompt, parents, ids, outside=False)
    if rules:
        return PromptUnderstood(rules=rules)
    recipes = [row.recipe for row in rows]
    words = await _read(request, card, subjects, recipes, cameos)
    if words is None:
        if card.subjects and is_composed(request, recipes):
            raise RiffleError(
                Code.BUSY, "nobody can read prompts at this moment", retry_after_s=RETRY_AFTER_S
            )
        return PromptUnderstood()
    texts = screened_texts(words.reading, request.prompt, words.picked)
    rules = await screen.rules_of_found(who, texts, ids)
    if rules or not is_composed(request, recipes):
        return PromptUnderstood(rules=rules)
    seed = secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed
    understood = understood_of(request, recipes, cameos, words, seed)
    return PromptUnderstood(
        understood=understood,
        choices=[] if request.seed is not None else _choices(words, request, recipes),
    )


async def _usable_cameos(
    request: CreateVideo, rows: Sequence[VideoRow], screen: Screen, who: Asker
) -> list[CameoIdentity]:
    """The cameos that are named or mentioned and may be used; of others nothing is told."""
    named = await with_mentioned(request.cameos, [request.prompt])
    inherited = {cameo for row in rows for cameo in row.cameos}
    (lineage,) = await facts.lineage_facts([[row.id for row in rows]])
    decided = await verdicts.of_request(
        who.account,
        named,
        request.source,
        request.tier,
        request.prompt,
        lineage=lineage,
        steered=request.steer is not None,
        now=who.now,
    )
    allowed = [each for each in named if each not in inherited and each in decided and decided[each].allowed]
    refused = await screen.refused_cameos(who.account, allowed)
    return await receipts.identities([each for each in allowed if each not in refused])


async def _read(
    request: CreateVideo,
    card: ModelCard,
    subjects: Subjects,
    sources: Sequence[Recipe],
    cameos: Sequence[CameoIdentity],
) -> ReadWords | None:
    """What a request says, with its picks, or those of its sources where it says nothing of picks."""
    asked = request.subjects or []
    pictures = await subjects.pictures(card, asked)
    stitched = request.source is not None and request.source.relation is Relation.STITCH
    if not card.subjects or request.input_reference is not None or stitched:
        return None
    words = marked(request.prompt, cameos, card.vocabulary)
    unmentioned = any(f"@{cameo.id}" not in words for cameo in cameos if cameo.pictured)
    reading = await subjects.read(card, words, referring=unmentioned)
    if reading is None:
        return None
    picked = dict[str, Candidate]()
    known = phrases_of(reading)
    for each, candidate in zip(asked, pictures, strict=True):
        phrase = phrase_key(each.phrase)
        if phrase not in known:
            raise RiffleError(
                Code.INVALID_REQUEST, f"the prompt has no subject {each.phrase!r}", param="subjects"
            )
        picked[phrase] = candidate
    if request.subjects is None and _starts_composed(request):
        picked = await _inherited(card, subjects, sources, known)
    return ReadWords(reading=reading, picked=picked)


async def _inherited(
    card: ModelCard, subjects: Subjects, sources: Sequence[Recipe], phrases: set[str]
) -> dict[str, Candidate]:
    """What was picked for sources, of phrases that are there and pictures that the model still has."""
    found = dict[str, Candidate]()
    for recipe in sources:
        for each in recipe.understood.subjects if recipe.understood is not None else []:
            if not each.picked or phrase_key(each.phrase) not in phrases:
                continue
            try:
                pick = PickedPicture(phrase=each.phrase, picture=each.picture)
                (found[phrase_key(each.phrase)],) = await subjects.pictures(card, [pick])
            except RiffleError as gone:
                if gone.code is not Code.INVALID_REQUEST:
                    raise
    return found


def _starts_composed(request: CreateVideo) -> bool:
    """Whether a request may go on from a clip of pictures."""
    return request.source is not None and request.source.relation in COMPOSED_FROM


def _choices(words: ReadWords, request: CreateVideo, sources: Sequence[Recipe]) -> list[SubjectChoice]:
    """The phrases whose picture a seed chooses, and what it chooses from."""
    kept = kept_pictures(request, sources)
    found = dict[str, SubjectChoice]()
    for each in words.reading.subjects:
        phrase = phrase_key(each.phrase)
        fixed = phrase in words.picked or kept.get(phrase) in {one.picture for one in each.candidates}
        if len(each.candidates) > 1 and not fixed:
            found[phrase] = SubjectChoice(phrase=each.phrase, candidates=each.candidates)
    return list(found.values())
