// Answers of the simulated server: JSON, its error documents, and times as local text.
import type { RecordedRequest, Reply } from '../http-server';

export function jsonReply(body: unknown, status = 200): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}

const names: Record<number, string> = {
  401: 'UnauthorizedException',
  403: 'ForbiddenException',
  404: 'NotFoundException',
};

/** The address in it repeats the query, with the token where that was put there. */
export function errorReply(request: RecordedRequest, status: number, message: string, type = names[status]): Reply {
  const escaped = message.replace(/&/g, '&amp;').replace(/"/g, '&quot;');
  return jsonReply(
    {
      success: false,
      data: {
        name: escaped,
        message: escaped,
        url: request.target,
        exception: { class: type ?? 'InternalErrorException', code: status, message },
      },
    },
    status,
  );
}

export function page(title: string, status = 200): Reply {
  const body = `<!DOCTYPE html>\n<html lang="en"><head><title>ZM - ${title}</title></head><body><p>${title}</p></body></html>`;
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: body.padEnd(3200) };
}

/** "2026-11-29 21:00:55" */
export function localText(ms: number, zone: string): string {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(ms);
  return text.replace(/[^\d: -]/g, '');
}
