// The Me view: who I am, what I can spend, what I have posted and reported, and the way out.

import { call, forget } from "../shared/api.js";
import { openAccount } from "./account.js";
import { avatar, counted, el } from "../shared/dom.js";
import { ownReports } from "../shared/report.js";
import { openVideo } from "../create/video_sheet.js";
import { VideoTile } from "../create/video_tile.js";
import { attempt, busy } from "../shared/ui.js";

const PAGE = 100;

export class Me {
  constructor() {
    this.top = el("div.stack", {});
    this.posts = el("div.grid", {});
    this.nothing = el("p.quiet", { hidden: true }, "You have posted nothing yet.");
    this.reports = el("div.stack", {});
    this.posts.style.setProperty("--columns", "3");
    const out = el("button", { onclick: () => busy(out, async () => {
      await call("DELETE", "/v1/sessions").catch(() => null);
      forget();
    }) }, "Sign out");
    this.node = el("section.view.me", {}, this.top, el("h2", {}, "Posts"), this.nothing, this.posts, this.reports, out);
  }

  /** Called whenever the view comes to the front. */
  async shown() {
    await attempt(async () => {
      const [{ account, credits }, page, reports] = await Promise.all([
        call("GET", "/v1/me"), call("GET", `/v1/videos?limit=${PAGE}`), ownReports(),
      ]);
      this.reports.replaceChildren(...(reports.length ? [el("h2", {}, "What you reported"), ...reports] : []));
      this.top.replaceChildren(
        el("div.person", {}, avatar(account.handle), el("div", {}, el("h1", {}, account.display_name), el("p.quiet", {}, `@${account.handle}`))),
        el("button", { onclick: () => openAccount(account, () => this.shown()) }, "Account"),
        el("p.panel", {}, el("b", {}, counted(credits.balance, "credit")), credits.held ? ` and ${credits.held} held for what is being drawn` : " to spend"));
      const posted = page.data.filter((video) => video.post_id);
      this.nothing.hidden = posted.length > 0;
      this.posts.replaceChildren(...posted.map((video) => new VideoTile(video, (tile) => openVideo(tile.video)).node));
    });
  }
}
