"""Events keep ids; their words come from where they can be deleted."""

from __future__ import annotations

from db.engine import fetch
from domain.consent import cameos, grants
from domain.events import stream
from domain.feed import posts
from domain.videos.delete import delete_video
from schemas.cameos import Audience, PatchCameo, RequestCameo, Scope
from schemas.events import EventName, inbox_stream
from tests.build import NOW, at, cameo, completed, person, queue


async def heard(account: str) -> list[tuple[EventName, dict[str, object]]]:
    return [(event.name, event.data) for event in await stream.since(inbox_stream(account), 0, 100)]


async def stored() -> str:
    return str(await fetch("SELECT data FROM events"))


async def test_a_use_is_told_in_words_that_go_with_its_video() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id)
    (video,) = await queue(bob.id, prompt="an unmistakable walrus", cameos=(face.id,))
    ((name, data),) = await heard(ada.id)
    assert name is EventName.CAMEO_USED
    assert data == {
        "cameo_id": face.id,
        "cameo_name": "Face",
        "by": bob.handle,
        "action": "preview",
        "video_ids": [video.id],
        "prompt": "an unmistakable walrus",
    }
    assert "walrus" not in await stored()
    await cameos.patch(face.id, ada.id, PatchCameo(display_name="Me"), now=at(1))
    await delete_video(video.id, bob.id, NOW)
    ((_, data),) = await heard(ada.id)
    assert (data["cameo_name"], data["prompt"], data["by"]) == ("Me", "", bob.handle)


async def test_a_grant_is_told_as_it_was_at_that_moment() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id, Audience.PEOPLE_I_APPROVE)
    asked = RequestCameo(message="an unmistakable walrus", scope=Scope(uses=2))
    grant = await grants.request(face.id, bob.id, asked, now=at(1))
    await grants.answer(grant.id, ada.id, True, now=at(2))
    ((name, data),) = await heard(ada.id)
    assert name is EventName.CAMEO_REQUESTED
    sent = data["grant"]
    assert isinstance(sent, dict)
    assert (sent["status"], sent["message"], sent["scope"]["uses"]) == ("pending", asked.message, 2)
    assert sent["grantee"] == bob.handle
    ((name, data),) = await heard(bob.id)
    assert name is EventName.CAMEO_ACCEPTED
    assert isinstance(data["grant"], dict)
    assert (data["grant"]["status"], data["grant"]["id"]) == ("accepted", grant.id)
    assert "walrus" not in await stored()


async def test_a_remix_is_told_by_the_name_of_who_made_it() -> None:
    ada, bob = await person(), await person()
    root = await completed(ada.id)
    await posts.post(root.id, ada.id, None, at(1))
    remix = await completed(bob.id, source=root.id)
    post = await posts.post(remix.id, bob.id, None, at(2))
    ((name, data),) = await heard(ada.id)
    assert name is EventName.POST_REMIXED
    assert (data["by"], data["post_id"], data["video_id"]) == (bob.handle, post.id, remix.id)
    assert bob.handle not in await stored()
