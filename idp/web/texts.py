"""Every text of the pages, in Vietnamese and English. One key, both languages."""

import unicodedata
from collections.abc import Iterable

from connectors.contract import LOCALES, Locale
from idp.web.source_texts import SOURCE_NOTICES, SOURCE_TEXTS

T = tuple[str, str]

TEXTS: dict[str, T] = {
    "skip": ("Chuyển đến nội dung chính", "Skip to the main content"),
    "language": ("Ngôn ngữ", "Language"),
    "tagline": (
        "Đăng nhập một lần, dùng cho mọi dịch vụ công của tỉnh",
        "Sign in once for every public service of the province",
    ),
    "footer": (
        "Hệ thống định danh và xác thực điện tử của tỉnh. Cán bộ không bao giờ hỏi mật khẩu hoặc "
        "mã xác thực của Quý vị.",
        "The province's electronic identity service. Officials will never ask for your password "
        "or your code.",
    ),
    "login.title": ("Đăng nhập", "Sign in"),
    "login.to": ("để tiếp tục đến", "to continue to"),
    "login.username": ("Tên đăng nhập", "User name"),
    "login.password": ("Mật khẩu", "Password"),
    "login.submit": ("Đăng nhập", "Sign in"),
    "login.help": (
        "Nếu quên tên đăng nhập hoặc mật khẩu, Quý vị vui lòng liên hệ bộ phận hỗ trợ.",
        "If you forgot your user name or your password, please contact support.",
    ),
    "cancel": ("Hủy và quay lại", "Cancel and go back"),
    "otp.title": ("Nhập mã xác thực", "Enter your code"),
    "otp.field": ("Mã gồm 6 chữ số", "6-digit code"),
    "otp.hint": (
        "Quý vị vui lòng mở ứng dụng xác thực trên điện thoại để xem mã. Mã đổi sau mỗi 30 giây.",
        "Open the authenticator app on your phone to see it. It changes every 30 seconds.",
    ),
    "otp.restart": ("Dùng tên đăng nhập khác", "Use another user name"),
    "otp.help": (
        "Nếu mất điện thoại hoặc đổi máy, Quý vị vui lòng liên hệ bộ phận hỗ trợ.",
        "If you lost or changed your phone, please contact support.",
    ),
    "otp.submit": ("Xác nhận", "Confirm"),
    "consent.title": ("Chia sẻ thông tin của Quý vị?", "Share your information?"),
    "consent.lead": (
        "muốn nhận những thông tin sau đây của Quý vị:",
        "would like to receive the following information about you:",
    ),
    "consent.host": ("Địa chỉ đã đăng ký", "Registered address"),
    "consent.note": (
        "Thông tin chỉ được chia sẻ khi Quý vị đồng ý. Nếu không đồng ý, Quý vị được đưa trở lại ứng "
        "dụng và không có gì được chia sẻ.",
        "Nothing is shared unless you allow it. If you do not, you go back to the application and "
        "nothing is shared.",
    ),
    "consent.allow": ("Đồng ý", "Allow"),
    "consent.deny": ("Không đồng ý", "Do not allow"),
    "scope.openid": (
        "Mã định danh riêng cho hệ thống này (không phải số định danh cá nhân)",
        "An identifier made for this system alone (not your personal number)",
    ),
    "scope.profile": ("Họ và tên, ngày sinh, giới tính", "Full name, date of birth, sex"),
    "scope.email": ("Địa chỉ thư điện tử", "E-mail address"),
    "scope.phone": ("Số điện thoại", "Phone number"),
    "scope.address": ("Địa chỉ", "Postal address"),
    "scope.offline_access": (
        "Được cập nhật thông tin trên khi Quý vị không trực tuyến",
        "To keep this information up to date while you are away",
    ),
    "scope.vn_identity": ("Số định danh cá nhân", "Personal identification number"),
    "scope.vn_business": ("Mã số thuế, mã số doanh nghiệp", "Tax code, enterprise code"),
    "scope.vn_staff": ("Mã cơ quan công tác", "Agency code"),
    "scope.other": ("Thông tin khác, thuộc phạm vi", "Other information, in the scope"),
    "source.full_name": ("Họ và tên", "Full name"),
    "source.birthdate": ("Ngày sinh", "Date of birth"),
    "source.birthdate_precision": ("Ngày sinh", "Date of birth"),
    "source.gender": ("Giới tính", "Sex"),
    "source.personal_number": ("Số định danh cá nhân", "Personal identification number"),
    "source.tech_id": ("Mã định danh điện tử", "Electronic identity code"),
    "source.tax_code": ("Mã số thuế", "Tax code"),
    "source.enterprise_code": ("Mã số doanh nghiệp", "Enterprise code"),
    "source.business_name": ("Tên doanh nghiệp, tổ chức", "Name of the business"),
    "source.passport": ("Số hộ chiếu", "Passport number"),
    "source.agency_code": ("Mã cơ quan công tác", "Agency code"),
    "source.phone": ("Số điện thoại", "Phone number"),
    "source.phone_verified": ("Số điện thoại", "Phone number"),
    "source.email": ("Địa chỉ thư điện tử", "E-mail address"),
    "source.email_verified": ("Địa chỉ thư điện tử", "E-mail address"),
    "source.address": ("Địa chỉ", "Postal address"),
    "source.updated_at": ("Ngày cập nhật thông tin", "Date of the last update"),
    "source.account_kind": ("Loại tài khoản", "Kind of account"),
    "source.local_account": (
        "Tài khoản đã liên kết tại hệ thống này",
        "A linked account in this system",
    ),
    "source.acr": ("Mức độ xác thực", "Level of assurance"),
    "required_missing.what_now": (
        "Quý vị vui lòng bổ sung thông tin tại cơ quan đã cấp định danh điện tử cho Quý vị, rồi "
        "đăng nhập lại. Nếu cần giúp đỡ, Quý vị vui lòng liên hệ bộ phận hỗ trợ.",
        "Please have it completed at the agency that issued your electronic identity, and then "
        "sign in again. If you need help, please contact support.",
    ),
    "claim.title": ("Nhận lại tài khoản cũ", "Claim your old account"),
    "claim.lead": (
        "Quý vị đăng nhập lần đầu bằng định danh điện tử vào hệ thống",
        "This is your first sign-in with your electronic identity to",
    ),
    "claim.explain": (
        "Nếu Quý vị đã có tài khoản tại hệ thống này, vui lòng nhập tên và mật khẩu cũ của tài khoản "
        "đó. Chỉ cần làm một lần; từ lần sau Quý vị không cần mật khẩu cũ nữa.",
        "If you already have an account in that system, enter its old name and old password. You do "
        "this once; after that the old password is not needed any more.",
    ),
    "claim.none": (
        "Nếu chưa từng có tài khoản tại hệ thống này, Quý vị vui lòng chọn “Dừng lại” và liên hệ cơ "
        "quan quản lý hệ thống.",
        "If you never had an account there, please choose “Stop” and contact the agency that runs "
        "the system.",
    ),
    "claim.account": ("Tên tài khoản cũ", "Old account name"),
    "claim.password": ("Mật khẩu cũ", "Old password"),
    "claim.submit": ("Nhận lại tài khoản", "Claim the account"),
    "claim.stop": ("Dừng lại", "Stop"),
    "form_post.title": ("Xin chờ trong giây lát", "One moment, please"),
    "form_post.lead": (
        "Nếu trang không tự chuyển, Quý vị vui lòng chọn nút bên dưới để đến",
        "If nothing happens, please use the button below to go to",
    ),
    "logout_post.lead": (
        "Nếu trang không tự chuyển, Quý vị vui lòng chọn nút bên dưới để hoàn tất việc đăng xuất khỏi",
        "If nothing happens, please use the button below to finish signing out of",
    ),
    "go_on.lead": (
        "Nếu trang không tự chuyển, Quý vị vui lòng chọn nút bên dưới để tiếp tục.",
        "If nothing happens, please use the button below to go on.",
    ),
    "continue": ("Tiếp tục", "Continue"),
    "back_to_system": ("Quay lại hệ thống", "Go back to the system"),
    "to_home": ("Về trang chủ", "Go to the start page"),
    "logout_confirm.go": ("Đăng xuất", "Sign out"),
    "logout_confirm.stay": ("Không đăng xuất", "Stay signed in"),
    "signed_out.shared": (
        "Nếu đang dùng máy chung, Quý vị nên đóng trình duyệt.",
        "On a shared computer, please close the browser as well.",
    ),
    "signed_out.above": (
        "Quý vị vẫn đang đăng nhập tại",
        "You are still signed in at",
    ),
    "signed_out.above_why": (
        "Trên máy dùng chung, người sau có thể dùng phiên đó: xin Quý vị đăng xuất cả ở đó.",
        "On a shared computer the next person could use that session: please sign out there too.",
    ),
    "signed_out.above_go": ("Đăng xuất khỏi", "Sign out of"),
    "home.title": ("Cổng đăng nhập của tỉnh", "Identity service of the province"),
    "home.hello": ("Quý vị đang đăng nhập với tên", "You are signed in as"),
    "home.nobody": ("Quý vị chưa đăng nhập.", "You are not signed in."),
    "home.how": (
        "Quý vị đăng nhập tại hệ thống muốn sử dụng, hệ thống đó sẽ đưa Quý vị đến đây. Sau đó Quý vị "
        "không phải đăng nhập lại ở các hệ thống khác.",
        "You sign in at the system that you want to use; it brings you here. After that the other "
        "systems do not ask you again.",
    ),
    "home.shared": (
        "Nếu đang dùng máy chung, Quý vị nên đăng xuất khi dùng xong.",
        "On a shared computer, please sign out when you have finished.",
    ),
    "home.systems": ("Các hệ thống đã kết nối", "Connected systems"),
    "home.none": (
        "Hiện chưa có hệ thống nào được kết nối. Quý vị vui lòng quay lại sau.",
        "No system is connected yet. Please come back later.",
    ),
    "home.logout": ("Đăng xuất khỏi tất cả hệ thống", "Sign out of all systems"),
    "error.label": ("Không thực hiện được", "There is a problem"),
    "error.title": ("Lỗi", "Error"),
    "correlation": ("Mã tra cứu", "Reference"),
    "correlation.use": (
        "Khi liên hệ tổng đài hỗ trợ, Quý vị vui lòng đọc mã này.",
        "If you call the hotline, please tell them this reference.",
    ),
    "error.wrong_credentials": (
        "Tên đăng nhập hoặc mật khẩu không đúng. Quý vị vui lòng kiểm tra và nhập lại.",
        "The user name or the password is not right. Please check and try again.",
    ),
    "error.wrong_otp": (
        "Mã không đúng, đã dùng hoặc đã hết hạn. Quý vị vui lòng chờ mã mới trong ứng dụng và nhập "
        "lại.",
        "The code is wrong, used or expired. Please wait for the next code in the app and try again.",
    ),
    "error.wrong_proof": (
        "Không xác nhận được tài khoản cũ với tên và mật khẩu này. Nếu quên mật khẩu, Quý vị vui "
        "lòng liên hệ cơ quan quản lý hệ thống.",
        "The old account could not be confirmed with this name and password. If you forgot the "
        "password, please contact the agency that runs the system.",
    ),
    "error.withheld": (
        "Tài khoản này từng được liên kết với Quý vị và liên kết đó đã kết thúc. Để bảo vệ Quý vị, "
        "chúng tôi không tự mở lại. Quý vị vui lòng liên hệ cơ quan quản lý hệ thống.",
        "This account was linked to you before, and that link was ended. To protect you, it is "
        "not opened again by itself. Please contact the agency that runs the system.",
    ),
    "error.verifier_unavailable": (
        "Hệ thống cũ hiện không trả lời nên chưa xác nhận được tài khoản. Chưa có gì thay đổi; Quý vị "
        "vui lòng thử lại sau ít phút.",
        "The old system does not answer at the moment, so the account could not be confirmed. "
        "Nothing has changed; please try again in a few minutes.",
    ),
    "error.too_many_attempts": (
        "Có quá nhiều lần thử không thành công. Để bảo vệ tài khoản, việc kiểm tra tạm dừng; Quý vị "
        "vui lòng chờ ít phút rồi thử lại.",
        "There were too many attempts. To protect the account, checking is paused; please wait a few "
        "minutes and try again.",
    ),
}

_NOTICES: dict[str, tuple[T, T]] = {
    "client_unknown": (
        ("Ứng dụng chưa được đăng ký", "Unknown application"),
        (
            "Ứng dụng đưa Quý vị đến đây chưa được đăng ký. Quý vị vui lòng quay lại và báo cho "
            "đơn vị quản lý ứng dụng.",
            "The application that sent you here is not registered. Please go back and tell the "
            "people who run it.",
        ),
    ),
    "system_expired": (
        ("Hệ thống tạm thời chưa đăng nhập được", "This system cannot be entered just now"),
        (
            "Thông tin kết nối của hệ thống này đã hết hạn. Các hệ thống khác vẫn dùng được bình "
            "thường. Quý vị vui lòng báo cho đơn vị quản lý hệ thống.",
            "The connection details of this system have expired. All other systems work as usual. "
            "Please tell the people who run it.",
        ),
    ),
    "service_unknown": (
        ("Dịch vụ chưa được kết nối", "This service is not connected"),
        (
            "Đường dẫn đưa Quý vị đến một cơ quan chưa kết nối với hệ thống này. Quý vị vui lòng "
            "quay lại Cổng Dịch vụ công quốc gia, hoặc liên hệ cơ quan thực hiện thủ tục.",
            "The link leads to an agency that is not connected here. Please go back to the National "
            "Public Service Portal, or contact the agency that handles the procedure.",
        ),
    ),
    "redirect_uri_unknown": (
        ("Địa chỉ quay lại không hợp lệ", "The return address is not registered"),
        (
            "Ứng dụng yêu cầu đưa Quý vị đến một địa chỉ chưa được đăng ký. Để bảo vệ Quý vị, chúng "
            "tôi không chuyển đến đó. Quý vị vui lòng báo cho đơn vị quản lý ứng dụng.",
            "The application asked us to send you to an address that is not registered. To protect "
            "you, we do not go there. Please tell the people who run the application.",
        ),
    ),
    "post_logout_redirect_uri_unknown": (
        ("Địa chỉ sau đăng xuất không hợp lệ", "The address after signing out is not registered"),
        (
            "Ứng dụng yêu cầu đưa Quý vị đến một địa chỉ chưa được đăng ký nên yêu cầu đăng xuất chưa "
            "được thực hiện. Quý vị có thể đăng xuất tại trang chủ.",
            "The application asked us to send you to an address that is not registered, so you were "
            "not signed out. You can sign out on the start page.",
        ),
    ),
    "flow_unknown": (
        ("Phiên đăng nhập không còn hiệu lực", "This sign-in is no longer valid"),
        (
            "Trang này đã được dùng xong, đã quá 15 phút, hoặc được mở trong một trình duyệt khác. Quý vị "
            "vui lòng quay lại hệ thống muốn sử dụng và đăng nhập lại.",
            "This page was used already, is older than 15 minutes, or was opened in another browser. "
            "Please go back to the system that you want to use and sign in again.",
        ),
    ),
    "invalid_request": (
        ("Yêu cầu không hợp lệ", "The request is not valid"),
        (
            "Chúng tôi không đọc được yêu cầu này. Quý vị vui lòng quay lại hệ thống muốn sử dụng và thử "
            "lại; nếu vẫn gặp lỗi, xin báo cho bộ phận hỗ trợ.",
            "We cannot read this request. Please go back to the system that you want to use and try "
            "again; if it happens again, please tell support.",
        ),
    ),
    "too_many_attempts": (
        ("Quá nhiều lần thử", "Too many attempts"),
        (
            "Để bảo vệ tài khoản, việc kiểm tra tạm dừng. Quý vị vui lòng chờ ít phút rồi thử lại.",
            "To protect the account, checking is paused. Please wait a few minutes and try again.",
        ),
    ),
    "temporarily_unavailable": (
        ("Hệ thống đang bận", "The service is busy"),
        (
            "Chúng tôi chưa xử lý được yêu cầu này. Quý vị vui lòng thử lại sau ít phút.",
            "We could not deal with this request. Please try again in a few minutes.",
        ),
    ),
    "server_error": (
        ("Đã xảy ra lỗi", "Something went wrong"),
        (
            "Đây là lỗi của chúng tôi và đã được ghi nhận. Quý vị vui lòng thử lại sau ít phút; nếu vẫn "
            "gặp lỗi, xin báo cho bộ phận hỗ trợ.",
            "The fault is ours, and it was recorded. Please try again in a few minutes; if it "
            "happens again, please tell support.",
        ),
    ),
    "not_found": (
        ("Không tìm thấy trang", "Page not found"),
        (
            "Trang Quý vị tìm không tồn tại hoặc đã được chuyển đi. Quý vị vui lòng kiểm tra lại địa chỉ.",
            "The page that you are looking for does not exist or has moved. Please check the address.",
        ),
    ),
    "not_admitted": (
        ("Hệ thống này không dành cho Quý vị", "This system is not open to you"),
        (
            "Hệ thống này chỉ dành cho một số cơ quan hoặc loại tài khoản. Nếu Quý vị cần sử dụng, vui "
            "lòng liên hệ cơ quan quản lý hệ thống.",
            "This system is for certain agencies or kinds of account only. If you need it, please "
            "contact the agency that runs it.",
        ),
    ),
    "no_account": (
        ("Quý vị chưa có tài khoản tại hệ thống này", "You have no account in this system yet"),
        (
            "Hệ thống này chỉ nhận các tài khoản đã được liên kết. Quý vị vui lòng liên hệ cơ quan "
            "quản lý hệ thống để được cấp hoặc liên kết tài khoản.",
            "This system admits linked accounts only. Please contact the agency that runs it to "
            "be given an account, or to have yours linked.",
        ),
    ),
    "link_held_back": (
        (
            "Tài khoản của Quý vị tại hệ thống này đang tạm dừng",
            "Your account in this system is on hold",
        ),
        (
            "Liên kết giữa định danh điện tử và tài khoản của Quý vị tại hệ thống này hiện chưa sử "
            "dụng được và cần được xem xét. Tài khoản của Quý vị không bị mất. Quý vị vui lòng liên hệ cơ quan "
            "quản lý hệ thống.",
            "The link between your electronic identity and your account in this system cannot be "
            "used at the moment and has to be looked at. Your account is not lost. Please contact the "
            "agency that runs the system.",
        ),
    ),
    "link_ended": (
        (
            "Tài khoản của Quý vị tại hệ thống này không còn được liên kết",
            "Your account in this system is no longer linked",
        ),
        (
            "Liên kết trước đây của Quý vị đã kết thúc. Để bảo vệ Quý vị, chúng tôi không tự mở "
            "lại. Nếu muốn sử dụng tiếp, Quý vị vui lòng liên hệ cơ quan quản lý hệ thống.",
            "The link that you had here was ended. To protect you, it is not opened again by "
            "itself. If you want to use it, please contact the agency that runs the system.",
        ),
    ),
    "required_missing": (
        ("Còn thiếu thông tin của Quý vị", "Some of your information is missing"),
        (
            "Hệ thống này yêu cầu những thông tin sau đây, nhưng hiện chúng tôi chưa có thông tin "
            "đó của Quý vị. Chưa có gì được chia sẻ.",
            "This system requires the following information, and we do not have it for you yet. "
            "Nothing was shared.",
        ),
    ),
    "assurance_not_reachable": (
        ("Cần mức xác thực cao hơn", "A higher level of assurance is needed"),
        (
            "Dịch vụ này yêu cầu xác thực hai bước, nhưng tài khoản của Quý vị chưa đăng ký bước "
            "thứ hai. Quý vị vui lòng liên hệ bộ phận hỗ trợ.",
            "This service asks for a second factor, and your account has none yet. Please contact "
            "support.",
        ),
    ),
    "access_denied": (
        ("Đã hủy", "Cancelled"),
        (
            "Quý vị đã hủy yêu cầu. Không có gì được chia sẻ.",
            "You cancelled. Nothing was shared.",
        ),
    ),
    "signed_out": (
        ("Quý vị đã đăng xuất", "You are signed out"),
        (
            "Phiên đăng nhập đã kết thúc. Các hệ thống sau đây đang được thông báo:",
            "Your session has ended. These systems are being told:",
        ),
    ),
    "signed_out_alone": (
        ("Quý vị đã đăng xuất", "You are signed out"),
        ("Phiên đăng nhập đã kết thúc.", "Your session has ended."),
    ),
    "logout_confirm": (
        ("Quý vị muốn đăng xuất?", "Sign out?"),
        (
            "Quý vị sẽ đăng xuất khỏi tất cả hệ thống đã đăng nhập trong phiên này.",
            "You will be signed out of every system that you entered in this session.",
        ),
    ),
}
TEXTS |= SOURCE_TEXTS
_NOTICES |= SOURCE_NOTICES
for _reason, (_title, _body) in _NOTICES.items():
    TEXTS[f"notice.{_reason}.title"] = _title
    TEXTS[f"notice.{_reason}.body"] = _body
REASONS = frozenset(_NOTICES)

_MAX_SHOWN = 200


def text(key: str, locale: Locale) -> str:
    """The text of a key in a language."""
    return TEXTS[key][LOCALES.index(locale)]


def scope_text(scope: str, locale: Locale) -> str:
    """What a scope opens, in plain words; a scope that a system made up is named as it is."""
    key = f"scope.{scope}"
    if key in TEXTS:
        return text(key, locale)
    return f"{text('scope.other', locale)}: {shown(scope)}"


def kinds_of_data(sources: Iterable[str], locale: Locale) -> tuple[str, ...]:
    """What the person would call the data of these sources, each once."""
    return tuple(sorted({text(f"source.{source}", locale) for source in sources}))


def shown(value: str) -> str:
    """A value from outside, fit to be shown: no control or direction characters, capped."""
    kept = "".join(c for c in value if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    return kept if len(kept) <= _MAX_SHOWN else kept[:_MAX_SHOWN] + "…"
